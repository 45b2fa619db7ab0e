"""The bettor's side: who compares books, bets at them, and keeps account of it."""
