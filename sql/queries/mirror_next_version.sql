-- A version for what is read after this.
select nextval('search.mirror_versions')
