"""What ends a sequence: the rules, bookings, unsubscribing, and the marks on the contact's pages."""
