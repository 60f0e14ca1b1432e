-- What a draft that a hosted teacher wrote (drafts.author: teacher) was bought with: asked tells drafts bought one way from those
-- bought another (core/write/teacher_prompt.py); tokens and cost_usd are the call's, shared out over its drafts
create table teacher_drafts (
    draft_id integer primary key references drafts(id), connection text not null, model text not null, asked text not null,
    tokens_in real, tokens_out real, cost_usd real, latency_ms real);
create index teacher_drafts_by_asked on teacher_drafts (asked);
-- A connected model as judge of blind pairs: what it said with the sides as people see them and with the sides exchanged (left,
-- right, both or neither); verdict: draft, other, both or neither where both say the same, else null
create table pair_verdicts (
    pair_id integer not null references blind_pairs(id), judge text not null, model text not null, first text not null,
    swapped text not null, verdict text, cost_usd real, created text not null, primary key (pair_id, judge, model)) without rowid;
