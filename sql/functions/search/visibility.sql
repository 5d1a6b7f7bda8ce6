-- Who may find a row, and who may see one by its number. Everything that shows rows asks these functions.
-- Each takes one word: the column visibility, or what the rules of an adopted catalogue make of a row.
-- public and supporters are found by all, private by its owner, unlisted as the owner of the catalogue decides.
-- Any other word is found by no one, and seen by its owner.

create or replace function search.is_listed(visibility text) returns boolean
language sql immutable strict parallel safe
return visibility = any (rule.listed());
comment on function search.is_listed(text) is
    'Whether everyone may find a row of this visibility. Supporters-only audio is found by all and played by some.
Example: select visibility, search.is_listed(visibility), count(*) from tracks group by visibility';

create or replace function search.private_owner(visibility text, did text) returns text
language sql immutable parallel safe
return case when visibility = any (rule.owned()) then did end;
comment on function search.private_owner(text, text) is
    'Who alone may find a row that is not listed: its owner, or null for no one.
Example: select id, search.private_owner(visibility, artist_did) from tracks where visibility = ''private''';

create or replace function search.visible_to(visibility text, did text, viewer text) returns boolean
language sql immutable parallel safe
return coalesce(search.is_listed(visibility) or search.private_owner(visibility, did) = viewer, false);
comment on function search.visible_to(text, text, text) is
    'Whether a viewer may find a row of this visibility and owner; a null viewer is anonymous.
Example: select id, title from tracks t where search.visible_to(t.visibility, t.artist_did, null)';

create or replace function search_internal.is_findable(visibility text) returns boolean
language sql immutable parallel safe
return coalesce(visibility = any (rule.listed()) or visibility = any (rule.owned()), false);
comment on function search_internal.is_findable(text) is 'Whether anyone may find a row of this visibility.';

create or replace function search.may_see(visibility text, artist_did text, viewer text) returns boolean
language sql immutable parallel safe
return coalesce(visibility in ('public', 'supporters', 'unlisted'), false) or coalesce(artist_did = viewer, false);
comment on function search.may_see(text, text, text) is
    'Whether a viewer who has a track''s number may see the track. Any other value is visible to its artist only.
Example: select id, search.may_see(visibility, artist_did, null) from tracks';
