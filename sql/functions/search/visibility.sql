-- Who may find a row, and who may see one by its number. Everything that shows rows asks these functions.
-- Each takes one word: the column visibility, or what the rules of an adopted catalogue make of a row.
-- public and supporters are found by all, private by its owner, unlisted as the owner of the catalogue decides.
-- only:GROUP is found by the group and by the owner. Any other word is found by no one, and seen by its owner.

create or replace function search.is_listed(visibility text) returns boolean
language sql immutable strict parallel safe
return visibility = any (rule.listed());
comment on function search.is_listed(text) is
    'Whether everyone may find a row of this visibility. Supporters-only audio is found by all and played by some.
Example: select visibility, search.is_listed(visibility), count(*) from tracks group by visibility';

create or replace function search.private_owner(visibility text, did text) returns text
language sql immutable parallel safe
return case when visibility = any (rule.owned()) or starts_with(visibility, 'only:') then did end;
comment on function search.private_owner(text, text) is
    'The owner of a row that is not listed, who may find it nevertheless; null for no one.
Example: select id, search.private_owner(visibility, artist_did) from tracks where visibility = ''private''';

create or replace function search_internal.audience(visibility text) returns text
language sql immutable parallel safe
return case when starts_with(visibility, 'only:') then substr(visibility, 6) end;
comment on function search_internal.audience(text) is 'The group that may find a row beside its owner; null for no group.';

create or replace function search_internal.finders(viewer text) returns text[]
language plpgsql stable parallel safe
set search_path = pg_catalog, search, pg_temp
as $$
begin
    -- the viewer comes first
    return case when viewer is null then '{}' else array[viewer] || rule.groups(viewer) end;
end;
$$;
comment on function search_internal.finders(text) is
    'As whom a viewer finds rows: as an owner, and as a member of the groups of the rules. Empty for an anonymous viewer.';

create or replace function search_internal.found_by(visibility text, did text, finders text[]) returns boolean
language sql immutable parallel safe
return coalesce(
    search.is_listed(visibility) or search.private_owner(visibility, did) = any (finders)
    or search_internal.audience(visibility) = any (finders), false);
comment on function search_internal.found_by(text, text, text[]) is 'As search.visible_to, for what search_internal.finders returns.';

create or replace function search.visible_to(visibility text, did text, viewer text) returns boolean
language sql stable parallel safe
return coalesce(
    search.is_listed(visibility) or search.private_owner(visibility, did) = viewer
    or search_internal.audience(visibility) = any (search_internal.finders(viewer)), false);
comment on function search.visible_to(text, text, text) is
    'Whether a viewer may find a row of this visibility and owner; a null viewer is anonymous.
Example: select id, title from tracks t where search.visible_to(t.visibility, t.artist_did, null)';

create or replace function search_internal.is_findable(visibility text) returns boolean
language sql immutable parallel safe
return coalesce(search.is_listed(visibility) or search.private_owner(visibility, '') is not null, false);
comment on function search_internal.is_findable(text) is 'Whether anyone may find a row of this visibility.';

create or replace function search.may_see(visibility text, artist_did text, viewer text) returns boolean
language sql stable parallel safe
return coalesce(
    visibility in ('public', 'supporters', 'unlisted') or artist_did = viewer
    or search_internal.audience(visibility) = any (search_internal.finders(viewer)), false);
comment on function search.may_see(text, text, text) is
    'Whether a viewer who has a track''s number may see the track. What is not listed is seen by its artist and its group.
Example: select id, search.may_see(visibility, artist_did, null) from tracks';
