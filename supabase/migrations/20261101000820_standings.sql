-- How suppliers come to stand: by the rules of src/jobs/fraud/ladder.ts, once for each closed date, or by a person's word, which the
-- rules leave alone. How one stands holds for calls that start from then on.

create function app.last_standing(p_supplier_id uuid) returns public.supplier_standings language sql stable as $$
  select * from public.supplier_standings where supplier_id = p_supplier_id order by since desc, id desc limit 1
$$;

-- What the rules are asked of each supplier that had calls on a closed date and about whom no person has the word: its calls of the
-- 28 days that started since it was last decided about, where there are any; for what it was moved since it was active; and what is
-- usual: its own profile and that of all.
create function public.suppliers_to_judge(p_date date)
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select coalesce(jsonb_agg(jsonb_build_object('supplierId', d.supplier_id, 'standing', coalesce(l.standing, 'active'), 'since', w.profile,
    'movedFor', (select coalesce(jsonb_agg(distinct f -> 'of'), '[]') from supplier_standings m cross join jsonb_array_elements(m.evidence -> 'findings') f
      where m.supplier_id = d.supplier_id
        and m.id > (select coalesce(max(a.id), 0) from supplier_standings a where a.supplier_id = d.supplier_id and a.standing = 'active')),
    'profile', p.profile, 'network', n.profile) order by d.supplier_id), '[]')
  from supplier_days d
    join network_profiles n on n.day = d.day
    join supplier_profiles p on p.supplier_id = d.supplier_id and p.day = d.day
    left join lateral app.last_standing(d.supplier_id) l on true
    cross join lateral (select app.profile_of(array_agg(o)) as profile from supplier_days o
      where o.supplier_id = d.supplier_id and o.day > p_date - 28 and o.day <= p_date
        and (o.since = coalesce(l.since, '-infinity') or o.since = '-infinity' and o.day > app.business_date(l.since))
      having count(*) > 0) w
  where d.day = p_date and d.since = '-infinity' and l.by_person is not true
$$;

-- Records what the rules decided by a closed date, `p_moves`: [{supplierId, standing, reason, evidence}]; answers how many. A person
-- who was faster has the word. Safe to run twice: a supplier is moved once by a date.
create function public.move_suppliers(p_date date, p_moves jsonb, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v jsonb; v_id uuid; v_last supplier_standings; v_count int := 0;
begin
  for v in select value from jsonb_array_elements(app.json_arg(p_moves)) order by value ->> 'supplierId' loop
    select id into v_id from suppliers where id = (v ->> 'supplierId')::uuid for no key update;
    v_last := app.last_standing(v_id);
    continue when v_last.by_person or app.business_date(v_last.since) > p_date;
    insert into supplier_standings (supplier_id, standing, since, by_person, set_by, reason, evidence)
    values (v_id, v ->> 'standing', app.at(p_now_ms), false, 'callclear', v ->> 'reason', v -> 'evidence');
    perform app.log_action(app.at(p_now_ms), 'callclear', 'fraud.standing', 'supplier:' || v_id,
      jsonb_build_object('standing', v -> 'standing', 'was', coalesce(v_last.standing, 'active'), 'reason', v -> 'reason', 'date', p_date));
    v_count := v_count + 1;
  end loop;
  return to_jsonb(v_count);
end $$;

-- A person says how a supplier stands, or gives the word back to the rules (`rules`): then it stands as it does, until calls that start
-- from now on move it. False when it is so already.
create function public.set_standing(p_supplier_id uuid, p_standing text, p_by text, p_reason text, p_now_ms bigint)
returns jsonb language plpgsql security definer set search_path = pg_catalog, public, app, pg_temp as $$
declare v_last supplier_standings; v_person boolean := p_standing <> 'rules';
begin
  perform 1 from suppliers where id = p_supplier_id for no key update;
  if not found then perform app.fail('SUPPLIER_UNKNOWN', 'no supplier has this id', '{}', 'PT404'); end if;
  v_last := app.last_standing(p_supplier_id);
  if coalesce(v_last.by_person, false) = v_person and (not v_person or v_last.standing = p_standing) then return 'false'; end if;
  insert into supplier_standings (supplier_id, standing, since, by_person, set_by, reason)
  values (p_supplier_id, case when v_person then p_standing else v_last.standing end, app.at(p_now_ms), v_person, p_by, p_reason);
  perform app.log_action(app.at(p_now_ms), p_by, 'fraud.standing', 'supplier:' || p_supplier_id,
    jsonb_build_object('standing', p_standing, 'was', coalesce(v_last.standing, 'active'), 'reason', p_reason));
  return 'true';
end $$;

-- How each supplier stands that was ever decided about, the newest decision first; every other one is active.
create function public.list_standings()
returns jsonb language sql stable security definer set search_path = pg_catalog, public, app, pg_temp as $$
  select coalesce(jsonb_agg(jsonb_build_object('supplierId', o.supplier_id, 'supplier', s.name, 'standing', o.standing, 'sinceMs', app.ms(o.since),
    'byPerson', o.by_person, 'setBy', o.set_by, 'reason', o.reason, 'evidence', o.evidence) order by o.since desc, o.id desc), '[]')
  from (select distinct on (supplier_id) * from supplier_standings order by supplier_id, since desc, id desc) o
    join suppliers s on s.id = o.supplier_id
$$;
