"""The bundled vision-language model: proposes subgoals and tells steps-to-go."""
