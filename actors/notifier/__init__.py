"""What people are told of what happened: messages, the inbox, and the ways to mail and push."""
