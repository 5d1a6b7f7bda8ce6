-- A new namespace for the model that serves, to be filled; under the configured name, if that was never used before.
with numbered as (
    select nextval(pg_get_serial_sequence('search.mirror_namespaces', 'generation')) as generation
)
insert into search.mirror_namespaces (generation, name, model_id)
overriding system value
select n.generation,
       case when exists (select from search.mirror_namespaces u where u.name = :base)
            then cast(:base as text) || '-' || n.generation else :base end,
       m.id
from numbered n
join search.models m on m.serving
-- whoever comes second finds that it is being done
where not exists (select from search.mirror_namespaces u where u.state = 'filling')
returning name
