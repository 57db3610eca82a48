"""What the Pager needs from one process to 100,000 alerts a second: measured costs, and a model of the rest."""
