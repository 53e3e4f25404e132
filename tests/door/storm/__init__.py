"""A storm of hostile requests at a door: drawn by hypothesis, sent as bytes, judged by what may come of each."""
