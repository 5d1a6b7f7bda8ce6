-- Every name that everybody may find.
select kind, label from search.documents where listed
