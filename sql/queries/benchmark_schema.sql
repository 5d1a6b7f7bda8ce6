-- What the benchmark knows of its own catalogue, beside it.
create schema benchmark;
create table benchmark.state (key text primary key, value jsonb not null);
create table benchmark.words (rank integer primary key, word text not null);
