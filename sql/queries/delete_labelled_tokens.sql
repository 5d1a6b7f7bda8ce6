-- Make room for the next token of a label.
delete from search.tokens t where t.did = :did and t.label = :label
