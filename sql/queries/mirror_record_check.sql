-- Remember what a comparison found, for a month.
with kept as (
    delete from search.mirror_checks where checked_at < now() - interval '31 days'
)
insert into search.mirror_checks (namespace, first_id, last_id, compared, missing, extra, stale, wrong_vector)
values (:namespace, :first_id, :last_id, :compared, :missing, :extra, :stale, :wrong_vector)
