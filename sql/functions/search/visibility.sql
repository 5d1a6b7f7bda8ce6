create or replace function search.is_listed(visibility text) returns boolean
language sql immutable strict parallel safe
return visibility in ('public', 'supporters');
comment on function search.is_listed(text) is
    'Whether everybody may find a row of this visibility. Supporters-only audio is found by all and played by some.
Example: select visibility, search.is_listed(visibility), count(*) from tracks group by visibility';

create or replace function search.private_owner(visibility text, did text) returns text
language sql immutable parallel safe
return case when visibility = 'private' then did end;
comment on function search.private_owner(text, text) is
    'Who alone may find a row: its artist when it is private, nobody when it is unlisted.
Example: select id, search.private_owner(visibility, artist_did) from tracks where visibility = ''private''';

create or replace function search.may_see(visibility text, artist_did text, viewer text) returns boolean
language sql immutable parallel safe
return coalesce(visibility in ('public', 'supporters', 'unlisted'), false) or coalesce(artist_did = viewer, false);
comment on function search.may_see(text, text, text) is
    'Whether a viewer who has a track''s number may see the track. Any other value is visible to its artist only.
Example: select id, search.may_see(visibility, artist_did, null) from tracks';
