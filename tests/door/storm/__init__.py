"""A storm of hostile requests: drawn by hypothesis, sent as raw bytes, and each with the answers that are allowed for it."""
