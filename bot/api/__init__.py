"""What programs ask of the bot without a call: written conversations, and answers that are spoken."""
