-- How many entities everybody may find. An artist has two documents, one for each name.
select count(distinct (d.kind, d.key)) as listed
from search.documents d
where d.listed
