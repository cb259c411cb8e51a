"""Erasures: one person is taken out of everything that the app keeps, and, if asked for, out of SendGrid."""
