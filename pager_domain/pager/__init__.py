"""The pager room: who must be paged, when, and until when."""
