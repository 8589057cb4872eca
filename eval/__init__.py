"""Evaluation: a question file in, measured answers out, through the same Chatbot people use."""
