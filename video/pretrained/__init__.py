"""Image-to-video pipelines of diffusers as the planner's video model."""
