"""The processes of `winnow run`: who starts them, and how each is set up."""
