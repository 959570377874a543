-- How calls are judged: sets of weights and thresholds, the exceptions that people make from them, and how suppliers stand.
-- A set is checked by src/jobs/fraud/rule-set.ts before it comes here; here it never changes again.

create table public.rule_sets (
  version int generated always as identity primary key,
  rules jsonb not null,
  author text not null,
  note text not null,
  made_at timestamptz not null,
  -- draft: nothing uses it yet; shadow: calls are judged by it too, and nothing follows; running: the one that decides;
  -- retired: calls that were first scored by it are still scored by it.
  state text not null default 'draft' check (state in ('draft', 'shadow', 'running', 'retired'))
);
create unique index rule_sets_running on public.rule_sets (state) where state in ('running', 'shadow');

create function app.refuse_other_rules() returns trigger language plpgsql as $$
begin
  if (new.version, new.rules, new.author, new.note, new.made_at) is distinct from (old.version, old.rules, old.author, old.note, old.made_at) then
    perform app.fail('RULES_FIXED', 'a set of rules never changes: add another');
  end if;
  return new;
end $$;
create trigger rule_sets_fixed before update on public.rule_sets for each row execute function app.refuse_other_rules();

-- A signal that is not counted for the calls of a supplier, a caller or a campaign that start within a time.
create table public.snoozes (
  id bigint generated always as identity primary key,
  signal text not null,
  subject_kind text not null check (subject_kind in ('supplier', 'caller', 'campaign')),
  -- An id, or the caller's number.
  subject text not null,
  from_at timestamptz not null,
  until_at timestamptz not null check (until_at > from_at),
  made_by text not null,
  reason text not null,
  made_at timestamptz not null
);
create index snoozes_subject on public.snoozes (subject, until_at);

-- How a supplier stands from an instant on; a supplier without a row is active. What its calls get by that: throttled, those beyond
-- its usual hour are held; paused, all are held; blocked, all are rejected.
create table public.supplier_standings (
  id bigint generated always as identity primary key,
  supplier_id uuid not null references public.suppliers,
  standing text not null check (standing in ('active', 'throttled', 'paused', 'blocked')),
  since timestamptz not null,
  -- A person's word stands until a person ends it; the rules of src/jobs/fraud/ladder.ts move a supplier only without one.
  by_person boolean not null,
  set_by text not null,
  reason text not null,
  -- What it was decided by: the numbers of the supplier's calls, and what is usual.
  evidence jsonb not null default '{}'
);
create index supplier_standings_since on public.supplier_standings (supplier_id, since desc, id desc);

create function app.standing_at(p_supplier_id uuid, p_at timestamptz) returns text language sql stable as $$
  select coalesce((select standing from public.supplier_standings where supplier_id = p_supplier_id and since <= p_at
    order by since desc, id desc limit 1), 'active')
$$;

-- The set that decides, the one in shadow, and those of the versions that are asked for.
create function public.read_rule_sets(p_versions jsonb)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select coalesce(jsonb_agg(jsonb_build_object('version', version, 'state', state, 'rules', rules) order by version), '[]')
  from rule_sets where state in ('running', 'shadow')
    or version in (select value::int from jsonb_array_elements_text(app.json_arg(p_versions)))
$$;

-- Who made which set, and what it is for; the newest first, at most 200.
create function public.list_rule_sets()
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select coalesce(jsonb_agg(jsonb_build_object('version', version, 'state', state, 'author', author, 'note', note, 'madeAtMs', app.ms(made_at))
    order by version desc), '[]')
  from (select * from rule_sets order by version desc limit 200) newest
$$;

-- Adds a set of rules, which nothing uses yet; answers its version.
create function public.add_rule_set(p_rules jsonb, p_by text, p_note text, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_version int; v_nowhere text;
begin
  -- An exception for a campaign that is none would never be made, and nobody would see it.
  select string_agg(format('campaigns.%s: no campaign has this id', k), e'\n') into v_nowhere
  from jsonb_object_keys(coalesce(app.json_arg(p_rules) -> 'campaigns', '{}')) k where not exists (select 1 from campaigns where id = k::uuid);
  if v_nowhere is not null then perform app.fail('RULES_INVALID', e'The rules cannot be used:\n' || v_nowhere); end if;
  insert into rule_sets (rules, author, note, made_at) values (app.json_arg(p_rules), p_by, p_note, app.at(p_now_ms)) returning version into v_version;
  perform app.log_action(app.at(p_now_ms), p_by, 'rules.add', 'rules:' || v_version, jsonb_build_object('note', p_note));
  return to_jsonb(v_version);
end $$;

-- Lets a set run in shadow or decide, in the place of the one that does; or takes it out of the shadow (`retired`). Calls that were
-- scored before keep their scores. Safe to run twice: a set that is in the state stays in it.
create function public.use_rule_set(p_version int, p_state text, p_by text, p_reason text, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_old rule_sets;
begin
  perform pg_advisory_xact_lock(741067);
  select * into v_old from rule_sets where version = p_version;
  if v_old.version is null then perform app.fail('RULES_UNKNOWN', 'no set of rules has this version', '{}', 'PT404'); end if;
  if v_old.state = p_state then return 'false'; end if;
  if p_state not in ('shadow', 'running', 'retired') or v_old.state = 'running' then
    perform app.fail('RULES_IN_USE', 'a set is taken out of use by letting another one decide');
  end if;
  update rule_sets set state = 'retired' where state = p_state;
  update rule_sets set state = p_state where version = p_version;
  perform app.log_action(app.at(p_now_ms), p_by, 'rules.' || p_state, 'rules:' || p_version, jsonb_build_object('reason', p_reason));
  return 'true';
end $$;
