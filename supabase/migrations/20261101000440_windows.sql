-- A campaign pays for a caller once in a window: for a call whose caller has no paid one within its window before it, by the terms of
-- its start.

-- The longest window of the terms of a campaign: what is further apart knows nothing of each other.
create function app.window_of(p_campaign_id uuid) returns interval language sql stable as $$
  select make_interval(secs => max(duplicate_window_s)) from public.campaign_terms where campaign_id = p_campaign_id
$$;

-- Whether a call of this caller in this campaign is paid for that started within the window before.
create function app.paid_before(p_call public.calls, p_window_s int) returns boolean language sql stable as $$
  select exists (
    select 1 from public.calls o
    where o.caller_number = p_call.caller_number and o.campaign_id = p_call.campaign_id and o.id <> p_call.id
      and o.status = 'qualified' and (o.started_at, o.id) < (p_call.started_at, p_call.id)
      and o.started_at >= p_call.started_at - make_interval(secs => p_window_s))
$$;

-- The same, or one that started after it, and has it within its own window: nobody is paid for twice, until the close puts them
-- in the order of their starts (see order.sql).
create function app.paid_in_window(p_call public.calls, p_window_s int) returns boolean language sql stable as $$
  select app.paid_before(p_call, p_window_s) or exists (
    select 1 from public.calls o cross join lateral app.terms_at(o.campaign_id, o.started_at) t
    where o.caller_number = p_call.caller_number and o.campaign_id = p_call.campaign_id and o.id <> p_call.id
      and o.status = 'qualified' and (o.started_at, o.id) > (p_call.started_at, p_call.id)
      and o.started_at <= p_call.started_at + app.window_of(p_call.campaign_id)
      and o.started_at <= p_call.started_at + make_interval(secs => t.duplicate_window_s))
$$;
