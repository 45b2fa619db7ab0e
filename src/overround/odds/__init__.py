"""What may happen, at which price: knows no customer and no money."""
