"""Files of models: downloads from hubs and web pages, and their installation."""
