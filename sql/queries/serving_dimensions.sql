-- Dimensions of the vectors of the model that serves.
select m.dimensions from search.models m where m.serving
