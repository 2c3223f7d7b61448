"""The learner: texts and labels in; scores, choices and files out. It knows no web app and no database."""
