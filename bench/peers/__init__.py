"""What people use today, as they write it. Each is a program: CSV BASE_URL [contacts a request]."""
