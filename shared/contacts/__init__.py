"""Files become rows, rows contacts, contacts the difference that has to be sent. Knows nothing of Azure."""
