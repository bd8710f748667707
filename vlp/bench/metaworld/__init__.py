"""Meta-World under the protocol of AVDC (Ko et al., ICLR 2024)."""
