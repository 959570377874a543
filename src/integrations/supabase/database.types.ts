// Made by "npm run generate" from migrations f83bbc031be4dc0e, text 0a579b40abb8cd0c. Do not edit.
export type Json =
	| string
	| number
	| boolean
	| null
	| { [key: string]: Json | undefined }
	| Json[];

export type Database = {
	public: {
		Tables: {
			account_kinds: {
				Row: {
					kind: string;
					meaning: string;
					normal_side: string;
					owner: string;
				};
				ComputedFields: never;
				Insert: {
					kind: string;
					meaning: string;
					normal_side: string;
					owner: string;
				};
				Update: {
					kind?: string;
					meaning?: string;
					normal_side?: string;
					owner?: string;
				};
				Relationships: [];
			};
			adjustments: {
				Row: {
					asked_at: string;
					asked_by: string;
					call_id: string;
					cause: string;
					earning_id: string;
					ended_at: string | null;
					id: string;
					placed_share_minor: number | null;
					reason: string;
					refusal: string | null;
					state: string;
					waits_for: string | null;
				};
				ComputedFields: never;
				Insert: {
					asked_at: string;
					asked_by: string;
					call_id: string;
					cause: string;
					earning_id: string;
					ended_at?: string | null;
					id?: string;
					placed_share_minor?: number | null;
					reason: string;
					refusal?: string | null;
					state: string;
					waits_for?: string | null;
				};
				Update: {
					asked_at?: string;
					asked_by?: string;
					call_id?: string;
					cause?: string;
					earning_id?: string;
					ended_at?: string | null;
					id?: string;
					placed_share_minor?: number | null;
					reason?: string;
					refusal?: string | null;
					state?: string;
					waits_for?: string | null;
				};
				Relationships: [
					{
						foreignKeyName: "adjustments_call_id_fkey";
						columns: ["call_id"];
						isOneToOne: false;
						referencedRelation: "calls";
						referencedColumns: ["id"];
					},
					{
						foreignKeyName: "adjustments_earning_id_fkey";
						columns: ["earning_id"];
						isOneToOne: false;
						referencedRelation: "earnings";
						referencedColumns: ["id"];
					},
				];
			};
			approvals: {
				Row: {
					approved_at: string;
					approved_by: string;
					content_hash: string;
					id: number;
					reason: string;
					subject_id: string;
					subject_kind: string;
				};
				ComputedFields: never;
				Insert: {
					approved_at: string;
					approved_by: string;
					content_hash: string;
					id?: never;
					reason: string;
					subject_id: string;
					subject_kind: string;
				};
				Update: {
					approved_at?: string;
					approved_by?: string;
					content_hash?: string;
					id?: never;
					reason?: string;
					subject_id?: string;
					subject_kind?: string;
				};
				Relationships: [];
			};
			attempts: {
				Row: {
					detail: string | null;
					ended_at: string | null;
					generation: number;
					id: number;
					outcome: string | null;
					sent_at: string | null;
					started_at: string;
					subject_id: string;
					subject_kind: string;
					token: string;
				};
				ComputedFields: never;
				Insert: {
					detail?: string | null;
					ended_at?: string | null;
					generation: number;
					id?: never;
					outcome?: string | null;
					sent_at?: string | null;
					started_at: string;
					subject_id: string;
					subject_kind: string;
					token: string;
				};
				Update: {
					detail?: string | null;
					ended_at?: string | null;
					generation?: number;
					id?: never;
					outcome?: string | null;
					sent_at?: string | null;
					started_at?: string;
					subject_id?: string;
					subject_kind?: string;
					token?: string;
				};
				Relationships: [];
			};
			audit_log: {
				Row: {
					action: string;
					actor: string;
					at: string;
					detail: NonNullable<Json>;
					id: number;
					subject: string;
				};
				ComputedFields: never;
				Insert: {
					action: string;
					actor: string;
					at: string;
					detail?: NonNullable<Json>;
					id?: never;
					subject: string;
				};
				Update: {
					action?: string;
					actor?: string;
					at?: string;
					detail?: NonNullable<Json>;
					id?: never;
					subject?: string;
				};
				Relationships: [];
			};
			bank_accounts: {
				Row: {
					created_at: string;
					currency: string;
					id: number;
					marker: string;
					name: string;
					number_hash: string | null;
				};
				ComputedFields: never;
				Insert: {
					created_at: string;
					currency: string;
					id?: never;
					marker: string;
					name: string;
					number_hash?: string | null;
				};
				Update: {
					created_at?: string;
					currency?: string;
					id?: never;
					marker?: string;
					name?: string;
					number_hash?: string | null;
				};
				Relationships: [
					{
						foreignKeyName: "bank_accounts_currency_fkey";
						columns: ["currency"];
						isOneToOne: false;
						referencedRelation: "currencies";
						referencedColumns: ["code"];
					},
				];
			};
			bank_lines: {
				Row: {
					account_id: number;
					amount_minor: number;
					asked_by: string | null;
					asked_payout_id: string | null;
					booked_on: string;
					currency: string;
					details: string;
					id: number;
					identity: string;
					matched_at: string | null;
					matched_by: string | null;
					payout_id: string | null;
					statement_id: number;
					words: string;
				};
				ComputedFields: never;
				Insert: {
					account_id: number;
					amount_minor: number;
					asked_by?: string | null;
					asked_payout_id?: string | null;
					booked_on: string;
					currency: string;
					details: string;
					id?: never;
					identity: string;
					matched_at?: string | null;
					matched_by?: string | null;
					payout_id?: string | null;
					statement_id: number;
					words?: never;
				};
				Update: {
					account_id?: number;
					amount_minor?: number;
					asked_by?: string | null;
					asked_payout_id?: string | null;
					booked_on?: string;
					currency?: string;
					details?: string;
					id?: never;
					identity?: string;
					matched_at?: string | null;
					matched_by?: string | null;
					payout_id?: string | null;
					statement_id?: number;
					words?: never;
				};
				Relationships: [
					{
						foreignKeyName: "bank_lines_account_id_fkey";
						columns: ["account_id"];
						isOneToOne: false;
						referencedRelation: "bank_accounts";
						referencedColumns: ["id"];
					},
					{
						foreignKeyName: "bank_lines_asked_payout_id_fkey";
						columns: ["asked_payout_id"];
						isOneToOne: false;
						referencedRelation: "platform_payouts";
						referencedColumns: ["id"];
					},
					{
						foreignKeyName: "bank_lines_currency_fkey";
						columns: ["currency"];
						isOneToOne: false;
						referencedRelation: "currencies";
						referencedColumns: ["code"];
					},
					{
						foreignKeyName: "bank_lines_payout_id_fkey";
						columns: ["payout_id"];
						isOneToOne: false;
						referencedRelation: "platform_payouts";
						referencedColumns: ["id"];
					},
					{
						foreignKeyName: "bank_lines_statement_id_fkey";
						columns: ["statement_id"];
						isOneToOne: false;
						referencedRelation: "bank_statements";
						referencedColumns: ["id"];
					},
				];
			};
			bank_payouts: {
				Row: {
					account: string;
					amount_minor: number;
					arrives_at: string;
					changed_at: string;
					created_at: string;
					currency: string;
					failure_code: string | null;
					failure_message: string | null;
					first_seen_at: string;
					id: string;
					last_seen_at: string;
					status: string;
					supplier_id: string;
				};
				ComputedFields: never;
				Insert: {
					account: string;
					amount_minor: number;
					arrives_at: string;
					changed_at: string;
					created_at: string;
					currency: string;
					failure_code?: string | null;
					failure_message?: string | null;
					first_seen_at: string;
					id: string;
					last_seen_at: string;
					status: string;
					supplier_id: string;
				};
				Update: {
					account?: string;
					amount_minor?: number;
					arrives_at?: string;
					changed_at?: string;
					created_at?: string;
					currency?: string;
					failure_code?: string | null;
					failure_message?: string | null;
					first_seen_at?: string;
					id?: string;
					last_seen_at?: string;
					status?: string;
					supplier_id?: string;
				};
				Relationships: [
					{
						foreignKeyName: "bank_payouts_supplier_id_fkey";
						columns: ["supplier_id"];
						isOneToOne: false;
						referencedRelation: "suppliers";
						referencedColumns: ["id"];
					},
				];
			};
			bank_statements: {
				Row: {
					account_id: number;
					closing_minor: number;
					from_date: string;
					id: number;
					imported_at: string;
					imported_by: string;
					opening_minor: number;
					reference: string;
					to_date: string;
				};
				ComputedFields: never;
				Insert: {
					account_id: number;
					closing_minor: number;
					from_date: string;
					id?: never;
					imported_at: string;
					imported_by: string;
					opening_minor: number;
					reference: string;
					to_date: string;
				};
				Update: {
					account_id?: number;
					closing_minor?: number;
					from_date?: string;
					id?: never;
					imported_at?: string;
					imported_by?: string;
					opening_minor?: number;
					reference?: string;
					to_date?: string;
				};
				Relationships: [
					{
						foreignKeyName: "bank_statements_account_id_fkey";
						columns: ["account_id"];
						isOneToOne: false;
						referencedRelation: "bank_accounts";
						referencedColumns: ["id"];
					},
				];
			};
			break_events: {
				Row: {
					actor: string;
					amount_minor: number;
					at: string;
					break_id: number;
					event: string;
					id: number;
					kind: string;
					reason: string | null;
				};
				ComputedFields: never;
				Insert: {
					actor: string;
					amount_minor: number;
					at: string;
					break_id: number;
					event: string;
					id?: never;
					kind: string;
					reason?: string | null;
				};
				Update: {
					actor?: string;
					amount_minor?: number;
					at?: string;
					break_id?: number;
					event?: string;
					id?: never;
					kind?: string;
					reason?: string | null;
				};
				Relationships: [
					{
						foreignKeyName: "break_events_break_id_fkey";
						columns: ["break_id"];
						isOneToOne: false;
						referencedRelation: "reconciliation_breaks";
						referencedColumns: ["id"];
					},
				];
			};
			break_resolutions: {
				Row: {
					amount_minor: number;
					asked_at: string;
					asked_by: string;
					balance_transaction_id: string;
					break_id: number;
					currency: string;
					ended_at: string | null;
					id: string;
					reason: string;
					state: string;
				};
				ComputedFields: never;
				Insert: {
					amount_minor: number;
					asked_at: string;
					asked_by: string;
					balance_transaction_id: string;
					break_id: number;
					currency: string;
					ended_at?: string | null;
					id?: string;
					reason: string;
					state: string;
				};
				Update: {
					amount_minor?: number;
					asked_at?: string;
					asked_by?: string;
					balance_transaction_id?: string;
					break_id?: number;
					currency?: string;
					ended_at?: string | null;
					id?: string;
					reason?: string;
					state?: string;
				};
				Relationships: [
					{
						foreignKeyName: "break_resolutions_balance_transaction_id_fkey";
						columns: ["balance_transaction_id"];
						isOneToOne: false;
						referencedRelation: "stripe_movements";
						referencedColumns: ["id"];
					},
					{
						foreignKeyName: "break_resolutions_break_id_fkey";
						columns: ["break_id"];
						isOneToOne: false;
						referencedRelation: "reconciliation_breaks";
						referencedColumns: ["id"];
					},
					{
						foreignKeyName: "break_resolutions_currency_fkey";
						columns: ["currency"];
						isOneToOne: false;
						referencedRelation: "currencies";
						referencedColumns: ["code"];
					},
				];
			};
			buyers: {
				Row: {
					auth_user_id: string | null;
					automatic_tax: boolean;
					billing_cycle: string;
					billing_day: number | null;
					credit_limits: NonNullable<Json>;
					email: string | null;
					id: string;
					made_at: string;
					name: string;
					payment_terms_days: number | null;
					prepaid: NonNullable<Json>;
					status: string;
					stripe_customer_id: string | null;
					timezone: string;
				};
				ComputedFields: never;
				Insert: {
					auth_user_id?: string | null;
					automatic_tax?: boolean;
					billing_cycle?: string;
					billing_day?: number | null;
					credit_limits?: NonNullable<Json>;
					email?: string | null;
					id?: string;
					made_at?: string;
					name: string;
					payment_terms_days?: number | null;
					prepaid?: NonNullable<Json>;
					status?: string;
					stripe_customer_id?: string | null;
					timezone?: string;
				};
				Update: {
					auth_user_id?: string | null;
					automatic_tax?: boolean;
					billing_cycle?: string;
					billing_day?: number | null;
					credit_limits?: NonNullable<Json>;
					email?: string | null;
					id?: string;
					made_at?: string;
					name?: string;
					payment_terms_days?: number | null;
					prepaid?: NonNullable<Json>;
					status?: string;
					stripe_customer_id?: string | null;
					timezone?: string;
				};
				Relationships: [];
			};
			call_breaks: {
				Row: {
					back_at: string | null;
					business_date: string;
					external_id: string;
					found_at: string;
					kind: string;
					seen_at: string;
					source: string;
					stated: NonNullable<Json>;
				};
				ComputedFields: never;
				Insert: {
					back_at?: string | null;
					business_date: string;
					external_id: string;
					found_at: string;
					kind: string;
					seen_at: string;
					source: string;
					stated: NonNullable<Json>;
				};
				Update: {
					back_at?: string | null;
					business_date?: string;
					external_id?: string;
					found_at?: string;
					kind?: string;
					seen_at?: string;
					source?: string;
					stated?: NonNullable<Json>;
				};
				Relationships: [];
			};
			call_disputes: {
				Row: {
					call_id: string;
					decided_at: string | null;
					decided_by: string | null;
					decision_reason: string | null;
					id: string;
					opened_at: string;
					opened_by: string;
					reason: string;
					state: string;
				};
				ComputedFields: never;
				Insert: {
					call_id: string;
					decided_at?: string | null;
					decided_by?: string | null;
					decision_reason?: string | null;
					id?: string;
					opened_at: string;
					opened_by: string;
					reason: string;
					state?: string;
				};
				Update: {
					call_id?: string;
					decided_at?: string | null;
					decided_by?: string | null;
					decision_reason?: string | null;
					id?: string;
					opened_at?: string;
					opened_by?: string;
					reason?: string;
					state?: string;
				};
				Relationships: [
					{
						foreignKeyName: "call_disputes_call_id_fkey";
						columns: ["call_id"];
						isOneToOne: true;
						referencedRelation: "calls";
						referencedColumns: ["id"];
					},
				];
			};
			call_log_runs: {
				Row: {
					absent: number;
					business_date: string;
					changed: number;
					cursor: string | null;
					due_at: string;
					ended_at: string | null;
					missing: number;
					pages: number;
					read: number;
					read_at: string | null;
					source: string;
					started_at: string;
					unreadable: number;
				};
				ComputedFields: never;
				Insert: {
					absent?: number;
					business_date: string;
					changed?: number;
					cursor?: string | null;
					due_at: string;
					ended_at?: string | null;
					missing?: number;
					pages?: number;
					read?: number;
					read_at?: string | null;
					source: string;
					started_at: string;
					unreadable?: number;
				};
				Update: {
					absent?: number;
					business_date?: string;
					changed?: number;
					cursor?: string | null;
					due_at?: string;
					ended_at?: string | null;
					missing?: number;
					pages?: number;
					read?: number;
					read_at?: string | null;
					source?: string;
					started_at?: string;
					unreadable?: number;
				};
				Relationships: [];
			};
			call_log_seen: {
				Row: {
					business_date: string;
					external_id: string;
					source: string;
				};
				ComputedFields: never;
				Insert: {
					business_date: string;
					external_id: string;
					source: string;
				};
				Update: {
					business_date?: string;
					external_id?: string;
					source?: string;
				};
				Relationships: [];
			};
			call_lookups: {
				Row: {
					call_id: string;
					looked_up_at: string;
					lookups: NonNullable<Json>;
					number: string;
				};
				ComputedFields: never;
				Insert: {
					call_id: string;
					looked_up_at: string;
					lookups: NonNullable<Json>;
					number: string;
				};
				Update: {
					call_id?: string;
					looked_up_at?: string;
					lookups?: NonNullable<Json>;
					number?: string;
				};
				Relationships: [
					{
						foreignKeyName: "call_lookups_call_id_fkey";
						columns: ["call_id"];
						isOneToOne: false;
						referencedRelation: "calls";
						referencedColumns: ["id"];
					},
				];
			};
			call_revenues: {
				Row: {
					amount_minor: number;
					call_id: string;
					currency: string;
					facts_at: string;
					late: Json | null;
				};
				ComputedFields: never;
				Insert: {
					amount_minor: number;
					call_id: string;
					currency: string;
					facts_at: string;
					late?: Json | null;
				};
				Update: {
					amount_minor?: number;
					call_id?: string;
					currency?: string;
					facts_at?: string;
					late?: Json | null;
				};
				Relationships: [
					{
						foreignKeyName: "call_revenues_call_id_fkey";
						columns: ["call_id"];
						isOneToOne: true;
						referencedRelation: "calls";
						referencedColumns: ["id"];
					},
				];
			};
			call_scores: {
				Row: {
					by_signals: string | null;
					call_id: string;
					decision: string;
					facts_at: string | null;
					facts_version: number;
					hold_default: string | null;
					hold_until: string | null;
					profile_date: string | null;
					reasons: NonNullable<Json>;
					rule_set: number;
					score: number;
					scored_at: string;
					signals: NonNullable<Json>;
					verdict: string | null;
				};
				ComputedFields: never;
				Insert: {
					by_signals?: string | null;
					call_id: string;
					decision: string;
					facts_at?: string | null;
					facts_version: number;
					hold_default?: string | null;
					hold_until?: string | null;
					profile_date?: string | null;
					reasons: NonNullable<Json>;
					rule_set?: number;
					score: number;
					scored_at: string;
					signals?: NonNullable<Json>;
					verdict?: string | null;
				};
				Update: {
					by_signals?: string | null;
					call_id?: string;
					decision?: string;
					facts_at?: string | null;
					facts_version?: number;
					hold_default?: string | null;
					hold_until?: string | null;
					profile_date?: string | null;
					reasons?: NonNullable<Json>;
					rule_set?: number;
					score?: number;
					scored_at?: string;
					signals?: NonNullable<Json>;
					verdict?: string | null;
				};
				Relationships: [
					{
						foreignKeyName: "call_scores_call_id_fkey";
						columns: ["call_id"];
						isOneToOne: false;
						referencedRelation: "calls";
						referencedColumns: ["id"];
					},
					{
						foreignKeyName: "call_scores_rule_set_fkey";
						columns: ["rule_set"];
						isOneToOne: false;
						referencedRelation: "rule_sets";
						referencedColumns: ["version"];
					},
				];
			};
			calls: {
				Row: {
					answered: boolean;
					attestation: string | null;
					business_date: string;
					buyer_id: string | null;
					caller_number: string | null;
					caller_region: string | null;
					campaign_id: string | null;
					changed_at: string;
					click_id: string | null;
					decided: string | null;
					duration_s: number;
					external_id: string;
					facts_at: string;
					facts_version: number;
					hold_until: string | null;
					id: string;
					late_facts: Json | null;
					line_type: string | null;
					made_at: string;
					recovered_at: string | null;
					source: string;
					started_at: string;
					status: string;
					supplier_id: string | null;
					told_at: NonNullable<Json>;
					trace: string;
					tracking_number: string;
				};
				ComputedFields: never;
				Insert: {
					answered: boolean;
					attestation?: string | null;
					business_date: string;
					buyer_id?: string | null;
					caller_number?: string | null;
					caller_region?: string | null;
					campaign_id?: string | null;
					changed_at: string;
					click_id?: string | null;
					decided?: string | null;
					duration_s: number;
					external_id: string;
					facts_at: string;
					facts_version?: number;
					hold_until?: string | null;
					id?: string;
					late_facts?: Json | null;
					line_type?: string | null;
					made_at: string;
					recovered_at?: string | null;
					source: string;
					started_at: string;
					status?: string;
					supplier_id?: string | null;
					told_at?: NonNullable<Json>;
					trace: string;
					tracking_number: string;
				};
				Update: {
					answered?: boolean;
					attestation?: string | null;
					business_date?: string;
					buyer_id?: string | null;
					caller_number?: string | null;
					caller_region?: string | null;
					campaign_id?: string | null;
					changed_at?: string;
					click_id?: string | null;
					decided?: string | null;
					duration_s?: number;
					external_id?: string;
					facts_at?: string;
					facts_version?: number;
					hold_until?: string | null;
					id?: string;
					late_facts?: Json | null;
					line_type?: string | null;
					made_at?: string;
					recovered_at?: string | null;
					source?: string;
					started_at?: string;
					status?: string;
					supplier_id?: string | null;
					told_at?: NonNullable<Json>;
					trace?: string;
					tracking_number?: string;
				};
				Relationships: [
					{
						foreignKeyName: "calls_buyer_id_fkey";
						columns: ["buyer_id"];
						isOneToOne: false;
						referencedRelation: "buyers";
						referencedColumns: ["id"];
					},
					{
						foreignKeyName: "calls_campaign_id_fkey";
						columns: ["campaign_id"];
						isOneToOne: false;
						referencedRelation: "campaigns";
						referencedColumns: ["id"];
					},
					{
						foreignKeyName: "calls_supplier_id_fkey";
						columns: ["supplier_id"];
						isOneToOne: false;
						referencedRelation: "suppliers";
						referencedColumns: ["id"];
					},
				];
			};
			campaign_days: {
				Row: {
					calls: number;
					campaign_id: string;
					day: string;
					payable: number;
					within_120: number;
					within_15: number;
					within_240: number;
					within_30: number;
					within_5: number;
					within_60: number;
				};
				ComputedFields: never;
				Insert: {
					calls: number;
					campaign_id: string;
					day: string;
					payable: number;
					within_120: number;
					within_15: number;
					within_240: number;
					within_30: number;
					within_5: number;
					within_60: number;
				};
				Update: {
					calls?: number;
					campaign_id?: string;
					day?: string;
					payable?: number;
					within_120?: number;
					within_15?: number;
					within_240?: number;
					within_30?: number;
					within_5?: number;
					within_60?: number;
				};
				Relationships: [
					{
						foreignKeyName: "campaign_days_campaign_id_fkey";
						columns: ["campaign_id"];
						isOneToOne: false;
						referencedRelation: "campaigns";
						referencedColumns: ["id"];
					},
				];
			};
			campaign_terms: {
				Row: {
					campaign_id: string;
					concurrency_cap: number | null;
					currency: string;
					daily_cap: number | null;
					duplicate_window_s: number;
					hours: Json | null;
					id: string;
					increment_s: number | null;
					made_at: string;
					min_duration_s: number;
					minimum_s: number | null;
					monthly_cap: number | null;
					price_minor: number | null;
					revenue_bps: number | null;
					supplier_share_bps: number | null;
					supplier_share_minor: number | null;
					supplier_share_tiers: Json | null;
					valid_from: string;
				};
				ComputedFields: never;
				Insert: {
					campaign_id: string;
					concurrency_cap?: number | null;
					currency: string;
					daily_cap?: number | null;
					duplicate_window_s: number;
					hours?: Json | null;
					id?: string;
					increment_s?: number | null;
					made_at?: string;
					min_duration_s: number;
					minimum_s?: number | null;
					monthly_cap?: number | null;
					price_minor?: number | null;
					revenue_bps?: number | null;
					supplier_share_bps?: number | null;
					supplier_share_minor?: number | null;
					supplier_share_tiers?: Json | null;
					valid_from: string;
				};
				Update: {
					campaign_id?: string;
					concurrency_cap?: number | null;
					currency?: string;
					daily_cap?: number | null;
					duplicate_window_s?: number;
					hours?: Json | null;
					id?: string;
					increment_s?: number | null;
					made_at?: string;
					min_duration_s?: number;
					minimum_s?: number | null;
					monthly_cap?: number | null;
					price_minor?: number | null;
					revenue_bps?: number | null;
					supplier_share_bps?: number | null;
					supplier_share_minor?: number | null;
					supplier_share_tiers?: Json | null;
					valid_from?: string;
				};
				Relationships: [
					{
						foreignKeyName: "campaign_terms_campaign_id_fkey";
						columns: ["campaign_id"];
						isOneToOne: false;
						referencedRelation: "campaigns";
						referencedColumns: ["id"];
					},
					{
						foreignKeyName: "campaign_terms_currency_fkey";
						columns: ["currency"];
						isOneToOne: false;
						referencedRelation: "currencies";
						referencedColumns: ["code"];
					},
				];
			};
			campaigns: {
				Row: {
					buyer_id: string;
					id: string;
					made_at: string;
					name: string;
					offer_compared_due: string | null;
					offer_currency: string | null;
					offer_id: string | null;
					offer_provider: string | null;
					regions: string[] | null;
					status: string;
					timezone: string;
				};
				ComputedFields: never;
				Insert: {
					buyer_id: string;
					id?: string;
					made_at?: string;
					name: string;
					offer_compared_due?: string | null;
					offer_currency?: string | null;
					offer_id?: string | null;
					offer_provider?: string | null;
					regions?: string[] | null;
					status?: string;
					timezone?: string;
				};
				Update: {
					buyer_id?: string;
					id?: string;
					made_at?: string;
					name?: string;
					offer_compared_due?: string | null;
					offer_currency?: string | null;
					offer_id?: string | null;
					offer_provider?: string | null;
					regions?: string[] | null;
					status?: string;
					timezone?: string;
				};
				Relationships: [
					{
						foreignKeyName: "campaigns_buyer_id_fkey";
						columns: ["buyer_id"];
						isOneToOne: false;
						referencedRelation: "buyers";
						referencedColumns: ["id"];
					},
				];
			};
			cash_days: {
				Row: {
					at: string;
					categories: NonNullable<Json>;
					closing_minor: number;
					currency: string;
					day: string;
					matched: number;
					movements: number;
					movements_minor: number;
					opening_minor: number;
					revision: number;
				};
				ComputedFields: never;
				Insert: {
					at: string;
					categories: NonNullable<Json>;
					closing_minor: number;
					currency: string;
					day: string;
					matched: number;
					movements: number;
					movements_minor: number;
					opening_minor: number;
					revision: number;
				};
				Update: {
					at?: string;
					categories?: NonNullable<Json>;
					closing_minor?: number;
					currency?: string;
					day?: string;
					matched?: number;
					movements?: number;
					movements_minor?: number;
					opening_minor?: number;
					revision?: number;
				};
				Relationships: [];
			};
			cash_matches: {
				Row: {
					agrees: boolean;
					journal_id: number;
					matched_at: string;
					matched_by: string;
					movement_seq: number;
				};
				ComputedFields: never;
				Insert: {
					agrees: boolean;
					journal_id: number;
					matched_at: string;
					matched_by: string;
					movement_seq: number;
				};
				Update: {
					agrees?: boolean;
					journal_id?: number;
					matched_at?: string;
					matched_by?: string;
					movement_seq?: number;
				};
				Relationships: [];
			};
			cash_matching: {
				Row: {
					frozen_through: string | null;
					journal_id: number;
					movement_left: number | null;
					movement_seq: number;
					movement_top: number | null;
					singleton: boolean;
				};
				ComputedFields: never;
				Insert: {
					frozen_through?: string | null;
					journal_id?: number;
					movement_left?: number | null;
					movement_seq?: number;
					movement_top?: number | null;
					singleton?: boolean;
				};
				Update: {
					frozen_through?: string | null;
					journal_id?: number;
					movement_left?: number | null;
					movement_seq?: number;
					movement_top?: number | null;
					singleton?: boolean;
				};
				Relationships: [];
			};
			cash_templates: {
				Row: {
					category: string;
					gross: string;
					net: string;
					sign: number;
					template: string;
				};
				ComputedFields: never;
				Insert: {
					category: string;
					gross: string;
					net: string;
					sign: number;
					template: string;
				};
				Update: {
					category?: string;
					gross?: string;
					net?: string;
					sign?: number;
					template?: string;
				};
				Relationships: [];
			};
			cash_totals: {
				Row: {
					currency: string;
					matched: number;
					movements: number;
					net_minor: number;
				};
				ComputedFields: never;
				Insert: {
					currency: string;
					matched: number;
					movements: number;
					net_minor: number;
				};
				Update: {
					currency?: string;
					matched?: number;
					movements?: number;
					net_minor?: number;
				};
				Relationships: [];
			};
			charges: {
				Row: {
					available_at: string;
					balance_transaction_id: string;
					charge_id: string;
					cleared_at: string | null;
					currency: string;
					exchange_rate: string | null;
					fee_minor: number;
					gross_minor: number;
					invoice_id: string | null;
					net_minor: number;
					paid_currency: string;
					paid_minor: number;
					topup_id: string | null;
				};
				ComputedFields: never;
				Insert: {
					available_at: string;
					balance_transaction_id: string;
					charge_id: string;
					cleared_at?: string | null;
					currency: string;
					exchange_rate?: string | null;
					fee_minor: number;
					gross_minor: number;
					invoice_id?: string | null;
					net_minor: number;
					paid_currency: string;
					paid_minor: number;
					topup_id?: string | null;
				};
				Update: {
					available_at?: string;
					balance_transaction_id?: string;
					charge_id?: string;
					cleared_at?: string | null;
					currency?: string;
					exchange_rate?: string | null;
					fee_minor?: number;
					gross_minor?: number;
					invoice_id?: string | null;
					net_minor?: number;
					paid_currency?: string;
					paid_minor?: number;
					topup_id?: string | null;
				};
				Relationships: [
					{
						foreignKeyName: "charges_currency_fkey";
						columns: ["currency"];
						isOneToOne: false;
						referencedRelation: "currencies";
						referencedColumns: ["code"];
					},
					{
						foreignKeyName: "charges_invoice_id_fkey";
						columns: ["invoice_id"];
						isOneToOne: false;
						referencedRelation: "invoices";
						referencedColumns: ["id"];
					},
					{
						foreignKeyName: "charges_paid_currency_fkey";
						columns: ["paid_currency"];
						isOneToOne: false;
						referencedRelation: "currencies";
						referencedColumns: ["code"];
					},
					{
						foreignKeyName: "charges_topup_id_fkey";
						columns: ["topup_id"];
						isOneToOne: true;
						referencedRelation: "topups";
						referencedColumns: ["id"];
					},
				];
			};
			closes: {
				Row: {
					billing_at: string | null;
					business_date: string;
					due_at: string;
					ended_at: string | null;
					report: Json | null;
					stage: string;
					started_at: string;
					state: string;
				};
				ComputedFields: never;
				Insert: {
					billing_at?: string | null;
					business_date: string;
					due_at: string;
					ended_at?: string | null;
					report?: Json | null;
					stage?: string;
					started_at: string;
					state?: string;
				};
				Update: {
					billing_at?: string | null;
					business_date?: string;
					due_at?: string;
					ended_at?: string | null;
					report?: Json | null;
					stage?: string;
					started_at?: string;
					state?: string;
				};
				Relationships: [];
			};
			conversion_pushes: {
				Row: {
					call_id: string;
					code: string | null;
					currency: string;
					ended_at: string | null;
					id: string;
					made_at: string;
					offer_id: string;
					price_minor: number;
					provider: string;
					reference: string;
					sends: number;
					sent_at: string | null;
					seq: number;
					share_minor: number;
					shown: boolean;
					state: string;
					token: number;
				};
				ComputedFields: never;
				Insert: {
					call_id: string;
					code?: string | null;
					currency: string;
					ended_at?: string | null;
					id?: string;
					made_at: string;
					offer_id: string;
					price_minor: number;
					provider: string;
					reference: string;
					sends?: number;
					sent_at?: string | null;
					seq: number;
					share_minor: number;
					shown?: boolean;
					state?: string;
					token?: number;
				};
				Update: {
					call_id?: string;
					code?: string | null;
					currency?: string;
					ended_at?: string | null;
					id?: string;
					made_at?: string;
					offer_id?: string;
					price_minor?: number;
					provider?: string;
					reference?: string;
					sends?: number;
					sent_at?: string | null;
					seq?: number;
					share_minor?: number;
					shown?: boolean;
					state?: string;
					token?: number;
				};
				Relationships: [
					{
						foreignKeyName: "conversion_pushes_call_id_fkey";
						columns: ["call_id"];
						isOneToOne: false;
						referencedRelation: "calls";
						referencedColumns: ["id"];
					},
				];
			};
			credit_notes: {
				Row: {
					adjustment_id: string;
					amount_minor: number;
					earning_id: string;
					ended_at: string | null;
					id: string;
					invoice_id: string;
					planned_at: string;
					problem: string | null;
					state: string;
					stripe_credit_note_id: string | null;
					tax_minor: number;
				};
				ComputedFields: never;
				Insert: {
					adjustment_id: string;
					amount_minor: number;
					earning_id: string;
					ended_at?: string | null;
					id?: string;
					invoice_id: string;
					planned_at: string;
					problem?: string | null;
					state?: string;
					stripe_credit_note_id?: string | null;
					tax_minor?: number;
				};
				Update: {
					adjustment_id?: string;
					amount_minor?: number;
					earning_id?: string;
					ended_at?: string | null;
					id?: string;
					invoice_id?: string;
					planned_at?: string;
					problem?: string | null;
					state?: string;
					stripe_credit_note_id?: string | null;
					tax_minor?: number;
				};
				Relationships: [
					{
						foreignKeyName: "credit_notes_adjustment_id_fkey";
						columns: ["adjustment_id"];
						isOneToOne: true;
						referencedRelation: "adjustments";
						referencedColumns: ["id"];
					},
					{
						foreignKeyName: "credit_notes_earning_id_fkey";
						columns: ["earning_id"];
						isOneToOne: false;
						referencedRelation: "earnings";
						referencedColumns: ["id"];
					},
					{
						foreignKeyName: "credit_notes_invoice_id_fkey";
						columns: ["invoice_id"];
						isOneToOne: false;
						referencedRelation: "invoices";
						referencedColumns: ["id"];
					},
				];
			};
			credits: {
				Row: {
					amount_minor: number;
					buyer_id: string;
					currency: string;
					earning_id: string;
					invoice_id: string | null;
				};
				ComputedFields: never;
				Insert: {
					amount_minor: number;
					buyer_id: string;
					currency: string;
					earning_id: string;
					invoice_id?: string | null;
				};
				Update: {
					amount_minor?: number;
					buyer_id?: string;
					currency?: string;
					earning_id?: string;
					invoice_id?: string | null;
				};
				Relationships: [
					{
						foreignKeyName: "credits_buyer_id_fkey";
						columns: ["buyer_id"];
						isOneToOne: false;
						referencedRelation: "buyers";
						referencedColumns: ["id"];
					},
					{
						foreignKeyName: "credits_currency_fkey";
						columns: ["currency"];
						isOneToOne: false;
						referencedRelation: "currencies";
						referencedColumns: ["code"];
					},
					{
						foreignKeyName: "credits_earning_id_fkey";
						columns: ["earning_id"];
						isOneToOne: false;
						referencedRelation: "earnings";
						referencedColumns: ["id"];
					},
					{
						foreignKeyName: "credits_invoice_id_fkey";
						columns: ["invoice_id"];
						isOneToOne: false;
						referencedRelation: "invoices";
						referencedColumns: ["id"];
					},
				];
			};
			currencies: {
				Row: {
					code: string;
					exponent: number;
					minimum_charge_minor: number;
					multiple_of_minor: number;
				};
				ComputedFields: never;
				Insert: {
					code: string;
					exponent: number;
					minimum_charge_minor: number;
					multiple_of_minor?: number;
				};
				Update: {
					code?: string;
					exponent?: number;
					minimum_charge_minor?: number;
					multiple_of_minor?: number;
				};
				Relationships: [];
			};
			dead_letters: {
				Row: {
					attempts: number;
					code: string;
					decided_at: string | null;
					decided_by: string | null;
					decision: string | null;
					edited_payload: Json | null;
					failed_at: string;
					fingerprint: string;
					generation: number;
					message: string;
					payload_version: number;
					reason: string | null;
					tries: NonNullable<Json>;
					work_id: number;
				};
				ComputedFields: never;
				Insert: {
					attempts: number;
					code: string;
					decided_at?: string | null;
					decided_by?: string | null;
					decision?: string | null;
					edited_payload?: Json | null;
					failed_at: string;
					fingerprint: string;
					generation: number;
					message: string;
					payload_version: number;
					reason?: string | null;
					tries: NonNullable<Json>;
					work_id: number;
				};
				Update: {
					attempts?: number;
					code?: string;
					decided_at?: string | null;
					decided_by?: string | null;
					decision?: string | null;
					edited_payload?: Json | null;
					failed_at?: string;
					fingerprint?: string;
					generation?: number;
					message?: string;
					payload_version?: number;
					reason?: string | null;
					tries?: NonNullable<Json>;
					work_id?: number;
				};
				Relationships: [
					{
						foreignKeyName: "dead_letters_work_id_fkey";
						columns: ["work_id"];
						isOneToOne: false;
						referencedRelation: "work";
						referencedColumns: ["id"];
					},
				];
			};
			earnings: {
				Row: {
					business_date: string;
					buyer_id: string;
					call_id: string;
					campaign_id: string;
					currency: string;
					duration_s: number;
					frozen: boolean;
					id: string;
					invoice_id: string | null;
					payout_id: string | null;
					prepaid: boolean;
					price_minor: number;
					replaced: boolean;
					share_minor: number;
					started_at: string;
					state: string;
					supplier_id: string;
					terms_id: string;
				};
				ComputedFields: never;
				Insert: {
					business_date: string;
					buyer_id: string;
					call_id: string;
					campaign_id: string;
					currency: string;
					duration_s: number;
					frozen?: boolean;
					id?: string;
					invoice_id?: string | null;
					payout_id?: string | null;
					prepaid?: boolean;
					price_minor: number;
					replaced?: boolean;
					share_minor: number;
					started_at: string;
					state?: string;
					supplier_id: string;
					terms_id: string;
				};
				Update: {
					business_date?: string;
					buyer_id?: string;
					call_id?: string;
					campaign_id?: string;
					currency?: string;
					duration_s?: number;
					frozen?: boolean;
					id?: string;
					invoice_id?: string | null;
					payout_id?: string | null;
					prepaid?: boolean;
					price_minor?: number;
					replaced?: boolean;
					share_minor?: number;
					started_at?: string;
					state?: string;
					supplier_id?: string;
					terms_id?: string;
				};
				Relationships: [
					{
						foreignKeyName: "earnings_buyer_id_fkey";
						columns: ["buyer_id"];
						isOneToOne: false;
						referencedRelation: "buyers";
						referencedColumns: ["id"];
					},
					{
						foreignKeyName: "earnings_call_id_fkey";
						columns: ["call_id"];
						isOneToOne: false;
						referencedRelation: "calls";
						referencedColumns: ["id"];
					},
					{
						foreignKeyName: "earnings_campaign_id_fkey";
						columns: ["campaign_id"];
						isOneToOne: false;
						referencedRelation: "campaigns";
						referencedColumns: ["id"];
					},
					{
						foreignKeyName: "earnings_currency_fkey";
						columns: ["currency"];
						isOneToOne: false;
						referencedRelation: "currencies";
						referencedColumns: ["code"];
					},
					{
						foreignKeyName: "earnings_invoice_id_fkey";
						columns: ["invoice_id"];
						isOneToOne: false;
						referencedRelation: "invoices";
						referencedColumns: ["id"];
					},
					{
						foreignKeyName: "earnings_payout_id_fkey";
						columns: ["payout_id"];
						isOneToOne: false;
						referencedRelation: "payouts";
						referencedColumns: ["id"];
					},
					{
						foreignKeyName: "earnings_supplier_id_fkey";
						columns: ["supplier_id"];
						isOneToOne: false;
						referencedRelation: "suppliers";
						referencedColumns: ["id"];
					},
					{
						foreignKeyName: "earnings_terms_id_fkey";
						columns: ["terms_id"];
						isOneToOne: false;
						referencedRelation: "campaign_terms";
						referencedColumns: ["id"];
					},
				];
			};
			event_sinks: {
				Row: {
					address_hash: string;
					gone_at: string | null;
					name: string;
					seen_at: string;
				};
				ComputedFields: never;
				Insert: {
					address_hash: string;
					gone_at?: string | null;
					name: string;
					seen_at: string;
				};
				Update: {
					address_hash?: string;
					gone_at?: string | null;
					name?: string;
					seen_at?: string;
				};
				Relationships: [];
			};
			heartbeats: {
				Row: {
					at: string;
					name: string;
				};
				ComputedFields: never;
				Insert: {
					at: string;
					name: string;
				};
				Update: {
					at?: string;
					name?: string;
				};
				Relationships: [];
			};
			invoice_lines: {
				Row: {
					amount_minor: number;
					calls: number;
					campaign_id: string;
					invoice_id: string;
					seconds: number;
				};
				ComputedFields: never;
				Insert: {
					amount_minor: number;
					calls: number;
					campaign_id: string;
					invoice_id: string;
					seconds: number;
				};
				Update: {
					amount_minor?: number;
					calls?: number;
					campaign_id?: string;
					invoice_id?: string;
					seconds?: number;
				};
				Relationships: [
					{
						foreignKeyName: "invoice_lines_campaign_id_fkey";
						columns: ["campaign_id"];
						isOneToOne: false;
						referencedRelation: "campaigns";
						referencedColumns: ["id"];
					},
					{
						foreignKeyName: "invoice_lines_invoice_id_fkey";
						columns: ["invoice_id"];
						isOneToOne: false;
						referencedRelation: "invoices";
						referencedColumns: ["id"];
					},
				];
			};
			invoices: {
				Row: {
					amount_minor: number;
					attempt_token: string | null;
					automatic_tax: boolean;
					business_date: string;
					buyer_id: string;
					collect_on: string;
					currency: string;
					due_at: string | null;
					generation: number;
					id: string;
					last_problem: string | null;
					needs_approval: boolean;
					pay_url: string | null;
					payment_terms_days: number | null;
					period_end: string;
					planned_at: string;
					state: string;
					stripe_invoice_id: string | null;
					tax_minor: number;
				};
				ComputedFields: never;
				Insert: {
					amount_minor: number;
					attempt_token?: string | null;
					automatic_tax?: boolean;
					business_date: string;
					buyer_id: string;
					collect_on: string;
					currency: string;
					due_at?: string | null;
					generation?: number;
					id?: string;
					last_problem?: string | null;
					needs_approval?: boolean;
					pay_url?: string | null;
					payment_terms_days?: number | null;
					period_end: string;
					planned_at: string;
					state?: string;
					stripe_invoice_id?: string | null;
					tax_minor?: number;
				};
				Update: {
					amount_minor?: number;
					attempt_token?: string | null;
					automatic_tax?: boolean;
					business_date?: string;
					buyer_id?: string;
					collect_on?: string;
					currency?: string;
					due_at?: string | null;
					generation?: number;
					id?: string;
					last_problem?: string | null;
					needs_approval?: boolean;
					pay_url?: string | null;
					payment_terms_days?: number | null;
					period_end?: string;
					planned_at?: string;
					state?: string;
					stripe_invoice_id?: string | null;
					tax_minor?: number;
				};
				Relationships: [
					{
						foreignKeyName: "invoices_buyer_id_fkey";
						columns: ["buyer_id"];
						isOneToOne: false;
						referencedRelation: "buyers";
						referencedColumns: ["id"];
					},
					{
						foreignKeyName: "invoices_currency_fkey";
						columns: ["currency"];
						isOneToOne: false;
						referencedRelation: "currencies";
						referencedColumns: ["code"];
					},
				];
			};
			journal_templates: {
				Row: {
					account_kind: string;
					amount: string;
					leg: number;
					side: string;
					template: string;
				};
				ComputedFields: never;
				Insert: {
					account_kind: string;
					amount: string;
					leg: number;
					side: string;
					template: string;
				};
				Update: {
					account_kind?: string;
					amount?: string;
					leg?: number;
					side?: string;
					template?: string;
				};
				Relationships: [
					{
						foreignKeyName: "journal_templates_account_kind_fkey";
						columns: ["account_kind"];
						isOneToOne: false;
						referencedRelation: "account_kinds";
						referencedColumns: ["kind"];
					},
				];
			};
			journals: {
				Row: {
					amounts: NonNullable<Json>;
					business_date: string;
					currency: string;
					id: number;
					key: string;
					owners: NonNullable<Json>;
					posted_at: string;
					refs: NonNullable<Json>;
					template: string;
				};
				ComputedFields: never;
				Insert: {
					amounts: NonNullable<Json>;
					business_date: string;
					currency: string;
					id?: never;
					key: string;
					owners: NonNullable<Json>;
					posted_at: string;
					refs: NonNullable<Json>;
					template: string;
				};
				Update: {
					amounts?: NonNullable<Json>;
					business_date?: string;
					currency?: string;
					id?: never;
					key?: string;
					owners?: NonNullable<Json>;
					posted_at?: string;
					refs?: NonNullable<Json>;
					template?: string;
				};
				Relationships: [
					{
						foreignKeyName: "journals_currency_fkey";
						columns: ["currency"];
						isOneToOne: false;
						referencedRelation: "currencies";
						referencedColumns: ["code"];
					},
				];
			};
			ledger_accounts: {
				Row: {
					balance_minor: number;
					currency: string;
					id: number;
					kind: string;
					owner_id: string | null;
				};
				ComputedFields: never;
				Insert: {
					balance_minor?: number;
					currency: string;
					id?: never;
					kind: string;
					owner_id?: string | null;
				};
				Update: {
					balance_minor?: number;
					currency?: string;
					id?: never;
					kind?: string;
					owner_id?: string | null;
				};
				Relationships: [
					{
						foreignKeyName: "ledger_accounts_currency_fkey";
						columns: ["currency"];
						isOneToOne: false;
						referencedRelation: "currencies";
						referencedColumns: ["code"];
					},
					{
						foreignKeyName: "ledger_accounts_kind_fkey";
						columns: ["kind"];
						isOneToOne: false;
						referencedRelation: "account_kinds";
						referencedColumns: ["kind"];
					},
				];
			};
			lookup_budgets: {
				Row: {
					date: string;
					provider: string;
					used: number;
				};
				ComputedFields: never;
				Insert: {
					date: string;
					provider: string;
					used: number;
				};
				Update: {
					date?: string;
					provider?: string;
					used?: number;
				};
				Relationships: [];
			};
			movement_claims: {
				Row: {
					movement_id: string;
					payout_id: string | null;
				};
				ComputedFields: never;
				Insert: {
					movement_id: string;
					payout_id?: string | null;
				};
				Update: {
					movement_id?: string;
					payout_id?: string | null;
				};
				Relationships: [];
			};
			network_profiles: {
				Row: {
					day: string;
					profile: NonNullable<Json>;
				};
				ComputedFields: never;
				Insert: {
					day: string;
					profile: NonNullable<Json>;
				};
				Update: {
					day?: string;
					profile?: NonNullable<Json>;
				};
				Relationships: [];
			};
			number_lookups: {
				Row: {
					claim: string | null;
					claimed_at: string | null;
					fetched_at: string | null;
					kept_until: string;
					number: string;
					provider: string;
					report: Json | null;
				};
				ComputedFields: never;
				Insert: {
					claim?: string | null;
					claimed_at?: string | null;
					fetched_at?: string | null;
					kept_until: string;
					number: string;
					provider: string;
					report?: Json | null;
				};
				Update: {
					claim?: string | null;
					claimed_at?: string | null;
					fetched_at?: string | null;
					kept_until?: string;
					number?: string;
					provider?: string;
					report?: Json | null;
				};
				Relationships: [];
			};
			paid_counts: {
				Row: {
					calls: number;
					campaign_id: string;
					day: string;
					supplier_id: string;
				};
				ComputedFields: never;
				Insert: {
					calls: number;
					campaign_id: string;
					day: string;
					supplier_id: string;
				};
				Update: {
					calls?: number;
					campaign_id?: string;
					day?: string;
					supplier_id?: string;
				};
				Relationships: [
					{
						foreignKeyName: "paid_counts_campaign_id_fkey";
						columns: ["campaign_id"];
						isOneToOne: false;
						referencedRelation: "campaigns";
						referencedColumns: ["id"];
					},
					{
						foreignKeyName: "paid_counts_supplier_id_fkey";
						columns: ["supplier_id"];
						isOneToOne: false;
						referencedRelation: "suppliers";
						referencedColumns: ["id"];
					},
				];
			};
			payout_runs: {
				Row: {
					amount_minor: number;
					business_date: string;
					content_hash: string;
					currency: string;
					id: string;
					planned_at: string;
					planned_by: string;
				};
				ComputedFields: never;
				Insert: {
					amount_minor: number;
					business_date: string;
					content_hash: string;
					currency: string;
					id?: string;
					planned_at: string;
					planned_by?: string;
				};
				Update: {
					amount_minor?: number;
					business_date?: string;
					content_hash?: string;
					currency?: string;
					id?: string;
					planned_at?: string;
					planned_by?: string;
				};
				Relationships: [
					{
						foreignKeyName: "payout_runs_currency_fkey";
						columns: ["currency"];
						isOneToOne: false;
						referencedRelation: "currencies";
						referencedColumns: ["code"];
					},
				];
			};
			payouts: {
				Row: {
					amount_minor: number;
					attempt_token: string | null;
					balance_transaction_id: string | null;
					body_hash: string;
					business_date: string;
					currency: string;
					destination: string;
					ended_at: string | null;
					generation: number;
					id: string;
					in_doubt: boolean;
					key_made_at: string;
					last_sent_at: string | null;
					planned_at: string;
					problem: string | null;
					recovered_minor: number;
					reserve_minor: number;
					run_id: string;
					sends: number;
					state: string;
					supplier_id: string;
					transfer_id: string | null;
				};
				ComputedFields: never;
				Insert: {
					amount_minor: number;
					attempt_token?: string | null;
					balance_transaction_id?: string | null;
					body_hash: string;
					business_date: string;
					currency: string;
					destination: string;
					ended_at?: string | null;
					generation?: number;
					id?: string;
					in_doubt?: boolean;
					key_made_at: string;
					last_sent_at?: string | null;
					planned_at: string;
					problem?: string | null;
					recovered_minor?: number;
					reserve_minor?: number;
					run_id: string;
					sends?: number;
					state?: string;
					supplier_id: string;
					transfer_id?: string | null;
				};
				Update: {
					amount_minor?: number;
					attempt_token?: string | null;
					balance_transaction_id?: string | null;
					body_hash?: string;
					business_date?: string;
					currency?: string;
					destination?: string;
					ended_at?: string | null;
					generation?: number;
					id?: string;
					in_doubt?: boolean;
					key_made_at?: string;
					last_sent_at?: string | null;
					planned_at?: string;
					problem?: string | null;
					recovered_minor?: number;
					reserve_minor?: number;
					run_id?: string;
					sends?: number;
					state?: string;
					supplier_id?: string;
					transfer_id?: string | null;
				};
				Relationships: [
					{
						foreignKeyName: "payouts_currency_fkey";
						columns: ["currency"];
						isOneToOne: false;
						referencedRelation: "currencies";
						referencedColumns: ["code"];
					},
					{
						foreignKeyName: "payouts_run_id_fkey";
						columns: ["run_id"];
						isOneToOne: false;
						referencedRelation: "payout_runs";
						referencedColumns: ["id"];
					},
					{
						foreignKeyName: "payouts_supplier_id_fkey";
						columns: ["supplier_id"];
						isOneToOne: false;
						referencedRelation: "suppliers";
						referencedColumns: ["id"];
					},
				];
			};
			pipelines: {
				Row: {
					catch_up_days: number;
					declared: boolean;
					due_time: string;
					job: string | null;
					name: string;
					overlap: string;
					pause_after: number | null;
					pause_reason: string | null;
					paused_at: string | null;
					paused_by: string | null;
					resumed_at: string | null;
				};
				ComputedFields: never;
				Insert: {
					catch_up_days: number;
					declared?: boolean;
					due_time: string;
					job?: string | null;
					name: string;
					overlap: string;
					pause_after?: number | null;
					pause_reason?: string | null;
					paused_at?: string | null;
					paused_by?: string | null;
					resumed_at?: string | null;
				};
				Update: {
					catch_up_days?: number;
					declared?: boolean;
					due_time?: string;
					job?: string | null;
					name?: string;
					overlap?: string;
					pause_after?: number | null;
					pause_reason?: string | null;
					paused_at?: string | null;
					paused_by?: string | null;
					resumed_at?: string | null;
				};
				Relationships: [];
			};
			platform_deposits: {
				Row: {
					amount_minor: number;
					booked_at: string;
					business_date: string;
					currency: string;
					evidence: string;
					payout_id: string;
					returned_at: string | null;
				};
				ComputedFields: never;
				Insert: {
					amount_minor: number;
					booked_at: string;
					business_date: string;
					currency: string;
					evidence: string;
					payout_id: string;
					returned_at?: string | null;
				};
				Update: {
					amount_minor?: number;
					booked_at?: string;
					business_date?: string;
					currency?: string;
					evidence?: string;
					payout_id?: string;
					returned_at?: string | null;
				};
				Relationships: [
					{
						foreignKeyName: "platform_deposits_currency_fkey";
						columns: ["currency"];
						isOneToOne: false;
						referencedRelation: "currencies";
						referencedColumns: ["code"];
					},
					{
						foreignKeyName: "platform_deposits_payout_id_fkey";
						columns: ["payout_id"];
						isOneToOne: true;
						referencedRelation: "platform_payouts";
						referencedColumns: ["id"];
					},
				];
			};
			platform_payout_items: {
				Row: {
					balance_transaction_id: string;
					net_minor: number;
					payout_id: string;
				};
				ComputedFields: never;
				Insert: {
					balance_transaction_id: string;
					net_minor: number;
					payout_id: string;
				};
				Update: {
					balance_transaction_id?: string;
					net_minor?: number;
					payout_id?: string;
				};
				Relationships: [
					{
						foreignKeyName: "platform_payout_items_payout_id_fkey";
						columns: ["payout_id"];
						isOneToOne: false;
						referencedRelation: "platform_payouts";
						referencedColumns: ["id"];
					},
				];
			};
			platform_payout_moves: {
				Row: {
					amount_minor: number;
					balance_transaction_id: string;
					booked_at: string;
					business_date: string;
					currency: string;
					fee_minor: number;
					payout_id: string;
					returned: boolean;
				};
				ComputedFields: never;
				Insert: {
					amount_minor: number;
					balance_transaction_id: string;
					booked_at: string;
					business_date: string;
					currency: string;
					fee_minor: number;
					payout_id: string;
					returned: boolean;
				};
				Update: {
					amount_minor?: number;
					balance_transaction_id?: string;
					booked_at?: string;
					business_date?: string;
					currency?: string;
					fee_minor?: number;
					payout_id?: string;
					returned?: boolean;
				};
				Relationships: [
					{
						foreignKeyName: "platform_payout_moves_currency_fkey";
						columns: ["currency"];
						isOneToOne: false;
						referencedRelation: "currencies";
						referencedColumns: ["code"];
					},
				];
			};
			platform_payouts: {
				Row: {
					amount_minor: number;
					arrives_at: string;
					automatic: boolean;
					created_at: string;
					currency: string;
					destination: string | null;
					failure_code: string | null;
					first_seen_at: string;
					id: string;
					itemised_at: string | null;
					items: number | null;
					items_net_minor: number | null;
					last_seen_at: string;
					reconciliation_status: string;
					status: string;
					trace_id: string | null;
					trace_words: string | null;
				};
				ComputedFields: never;
				Insert: {
					amount_minor: number;
					arrives_at: string;
					automatic: boolean;
					created_at: string;
					currency: string;
					destination?: string | null;
					failure_code?: string | null;
					first_seen_at: string;
					id: string;
					itemised_at?: string | null;
					items?: number | null;
					items_net_minor?: number | null;
					last_seen_at: string;
					reconciliation_status: string;
					status: string;
					trace_id?: string | null;
					trace_words?: never;
				};
				Update: {
					amount_minor?: number;
					arrives_at?: string;
					automatic?: boolean;
					created_at?: string;
					currency?: string;
					destination?: string | null;
					failure_code?: string | null;
					first_seen_at?: string;
					id?: string;
					itemised_at?: string | null;
					items?: number | null;
					items_net_minor?: number | null;
					last_seen_at?: string;
					reconciliation_status?: string;
					status?: string;
					trace_id?: string | null;
					trace_words?: never;
				};
				Relationships: [];
			};
			postings: {
				Row: {
					account_id: number;
					amount_minor: number;
					currency: string;
					id: number;
					journal_id: number;
				};
				ComputedFields: never;
				Insert: {
					account_id: number;
					amount_minor: number;
					currency: string;
					id?: never;
					journal_id: number;
				};
				Update: {
					account_id?: number;
					amount_minor?: number;
					currency?: string;
					id?: never;
					journal_id?: number;
				};
				Relationships: [
					{
						foreignKeyName: "postings_account_id_fkey";
						columns: ["account_id"];
						isOneToOne: false;
						referencedRelation: "ledger_accounts";
						referencedColumns: ["id"];
					},
					{
						foreignKeyName: "postings_currency_fkey";
						columns: ["currency"];
						isOneToOne: false;
						referencedRelation: "currencies";
						referencedColumns: ["code"];
					},
					{
						foreignKeyName: "postings_journal_id_fkey";
						columns: ["journal_id"];
						isOneToOne: false;
						referencedRelation: "journals";
						referencedColumns: ["id"];
					},
				];
			};
			reconciliation_breaks: {
				Row: {
					amount_minor: number;
					changed_by: string;
					closed_at: string | null;
					currency: string;
					day: string;
					due_at: string | null;
					evidence: NonNullable<Json>;
					first_seen_at: string;
					gates: boolean;
					id: number;
					identity: string;
					kind: string;
					last_seen_at: string;
					reason: string | null;
					rule: string | null;
					state: string;
					told_on: string | null;
				};
				ComputedFields: never;
				Insert: {
					amount_minor: number;
					changed_by: string;
					closed_at?: string | null;
					currency: string;
					day: string;
					due_at?: string | null;
					evidence: NonNullable<Json>;
					first_seen_at: string;
					gates: boolean;
					id?: never;
					identity: string;
					kind: string;
					last_seen_at: string;
					reason?: string | null;
					rule?: string | null;
					state?: string;
					told_on?: string | null;
				};
				Update: {
					amount_minor?: number;
					changed_by?: string;
					closed_at?: string | null;
					currency?: string;
					day?: string;
					due_at?: string | null;
					evidence?: NonNullable<Json>;
					first_seen_at?: string;
					gates?: boolean;
					id?: never;
					identity?: string;
					kind?: string;
					last_seen_at?: string;
					reason?: string | null;
					rule?: string | null;
					state?: string;
					told_on?: string | null;
				};
				Relationships: [];
			};
			reconciliation_runs: {
				Row: {
					as_of: string;
					business_date: string;
					currency: string;
					difference_minor: number;
					finished_at: string;
					ledger_available_minor: number;
					ledger_pending_minor: number;
					listed_at: string;
					matched: number;
					state: string;
					stripe_available_minor: number;
					stripe_pending_minor: number;
				};
				ComputedFields: never;
				Insert: {
					as_of: string;
					business_date: string;
					currency: string;
					difference_minor: number;
					finished_at: string;
					ledger_available_minor: number;
					ledger_pending_minor: number;
					listed_at: string;
					matched: number;
					state: string;
					stripe_available_minor: number;
					stripe_pending_minor: number;
				};
				Update: {
					as_of?: string;
					business_date?: string;
					currency?: string;
					difference_minor?: number;
					finished_at?: string;
					ledger_available_minor?: number;
					ledger_pending_minor?: number;
					listed_at?: string;
					matched?: number;
					state?: string;
					stripe_available_minor?: number;
					stripe_pending_minor?: number;
				};
				Relationships: [
					{
						foreignKeyName: "reconciliation_runs_currency_fkey";
						columns: ["currency"];
						isOneToOne: false;
						referencedRelation: "currencies";
						referencedColumns: ["code"];
					},
				];
			};
			rescore_marks: {
				Row: {
					call_id: string;
					changes: number;
				};
				ComputedFields: never;
				Insert: {
					call_id: string;
					changes?: number;
				};
				Update: {
					call_id?: string;
					changes?: number;
				};
				Relationships: [
					{
						foreignKeyName: "rescore_marks_call_id_fkey";
						columns: ["call_id"];
						isOneToOne: true;
						referencedRelation: "calls";
						referencedColumns: ["id"];
					},
				];
			};
			rescore_progress: {
				Row: {
					business_date: string;
					call_id: string;
					close_date: string;
					started_at: string;
				};
				ComputedFields: never;
				Insert: {
					business_date: string;
					call_id: string;
					close_date: string;
					started_at: string;
				};
				Update: {
					business_date?: string;
					call_id?: string;
					close_date?: string;
					started_at?: string;
				};
				Relationships: [
					{
						foreignKeyName: "rescore_progress_close_date_fkey";
						columns: ["close_date"];
						isOneToOne: true;
						referencedRelation: "closes";
						referencedColumns: ["business_date"];
					},
				];
			};
			rollup_watermarks: {
				Row: {
					changed_at: string;
					grain: string;
				};
				ComputedFields: never;
				Insert: {
					changed_at: string;
					grain: string;
				};
				Update: {
					changed_at?: string;
					grain?: string;
				};
				Relationships: [];
			};
			rollups: {
				Row: {
					bucket: string;
					calls: number;
					campaign_id: string | null;
					currency: string | null;
					grain: string;
					held: number;
					price_minor: number;
					qualified: number;
					rejected: number;
					seconds: number;
					share_minor: number;
					supplier_id: string | null;
				};
				ComputedFields: never;
				Insert: {
					bucket: string;
					calls: number;
					campaign_id?: string | null;
					currency?: string | null;
					grain: string;
					held: number;
					price_minor: number;
					qualified: number;
					rejected: number;
					seconds: number;
					share_minor: number;
					supplier_id?: string | null;
				};
				Update: {
					bucket?: string;
					calls?: number;
					campaign_id?: string | null;
					currency?: string | null;
					grain?: string;
					held?: number;
					price_minor?: number;
					qualified?: number;
					rejected?: number;
					seconds?: number;
					share_minor?: number;
					supplier_id?: string | null;
				};
				Relationships: [
					{
						foreignKeyName: "rollups_campaign_id_fkey";
						columns: ["campaign_id"];
						isOneToOne: false;
						referencedRelation: "campaigns";
						referencedColumns: ["id"];
					},
					{
						foreignKeyName: "rollups_currency_fkey";
						columns: ["currency"];
						isOneToOne: false;
						referencedRelation: "currencies";
						referencedColumns: ["code"];
					},
					{
						foreignKeyName: "rollups_supplier_id_fkey";
						columns: ["supplier_id"];
						isOneToOne: false;
						referencedRelation: "suppliers";
						referencedColumns: ["id"];
					},
				];
			};
			rule_sets: {
				Row: {
					author: string;
					made_at: string;
					note: string;
					rules: NonNullable<Json>;
					state: string;
					version: number;
				};
				ComputedFields: never;
				Insert: {
					author: string;
					made_at: string;
					note: string;
					rules: NonNullable<Json>;
					state?: string;
					version?: never;
				};
				Update: {
					author?: string;
					made_at?: string;
					note?: string;
					rules?: NonNullable<Json>;
					state?: string;
					version?: never;
				};
				Relationships: [];
			};
			schedule_runs: {
				Row: {
					attempts: number;
					due_at: string;
					ended_at: string | null;
					period: string;
					pipeline: string;
					result: Json | null;
					started_at: string | null;
					state: string;
				};
				ComputedFields: never;
				Insert: {
					attempts?: number;
					due_at: string;
					ended_at?: string | null;
					period: string;
					pipeline: string;
					result?: Json | null;
					started_at?: string | null;
					state: string;
				};
				Update: {
					attempts?: number;
					due_at?: string;
					ended_at?: string | null;
					period?: string;
					pipeline?: string;
					result?: Json | null;
					started_at?: string | null;
					state?: string;
				};
				Relationships: [];
			};
			settings: {
				Row: {
					approval_limit_minor: number;
					bank_debit_settles_after: string;
					billing_grace: string;
					break_alert_days: number;
					break_alert_minor: number;
					card_settles_after: string;
					cover_hold_days: number;
					deposit_days: number;
					difference_threshold_minor: number;
					dispute_days: number;
					invoice_change_factor: number;
					invoice_change_floor_minor: number;
					payout_destinations: string[];
					payouts_stopped: boolean;
					singleton: boolean;
					timezone: string;
				};
				ComputedFields: never;
				Insert: {
					approval_limit_minor?: number;
					bank_debit_settles_after?: string;
					billing_grace?: string;
					break_alert_days?: number;
					break_alert_minor?: number;
					card_settles_after?: string;
					cover_hold_days?: number;
					deposit_days?: number;
					difference_threshold_minor?: number;
					dispute_days?: number;
					invoice_change_factor?: number;
					invoice_change_floor_minor?: number;
					payout_destinations?: string[];
					payouts_stopped?: boolean;
					singleton?: boolean;
					timezone?: string;
				};
				Update: {
					approval_limit_minor?: number;
					bank_debit_settles_after?: string;
					billing_grace?: string;
					break_alert_days?: number;
					break_alert_minor?: number;
					card_settles_after?: string;
					cover_hold_days?: number;
					deposit_days?: number;
					difference_threshold_minor?: number;
					dispute_days?: number;
					invoice_change_factor?: number;
					invoice_change_floor_minor?: number;
					payout_destinations?: string[];
					payouts_stopped?: boolean;
					singleton?: boolean;
					timezone?: string;
				};
				Relationships: [];
			};
			shadow_scores: {
				Row: {
					call_id: string;
					price_minor: number | null;
					rule_set: number;
					score: number;
					scored_at: string;
					share_minor: number | null;
					verdict: string;
				};
				ComputedFields: never;
				Insert: {
					call_id: string;
					price_minor?: number | null;
					rule_set: number;
					score: number;
					scored_at: string;
					share_minor?: number | null;
					verdict: string;
				};
				Update: {
					call_id?: string;
					price_minor?: number | null;
					rule_set?: number;
					score?: number;
					scored_at?: string;
					share_minor?: number | null;
					verdict?: string;
				};
				Relationships: [
					{
						foreignKeyName: "shadow_scores_call_id_fkey";
						columns: ["call_id"];
						isOneToOne: true;
						referencedRelation: "calls";
						referencedColumns: ["id"];
					},
					{
						foreignKeyName: "shadow_scores_rule_set_fkey";
						columns: ["rule_set"];
						isOneToOne: false;
						referencedRelation: "rule_sets";
						referencedColumns: ["version"];
					},
				];
			};
			snoozes: {
				Row: {
					from_at: string;
					id: number;
					made_at: string;
					made_by: string;
					reason: string;
					signal: string;
					subject: string;
					subject_kind: string;
					until_at: string;
				};
				ComputedFields: never;
				Insert: {
					from_at: string;
					id?: never;
					made_at: string;
					made_by: string;
					reason: string;
					signal: string;
					subject: string;
					subject_kind: string;
					until_at: string;
				};
				Update: {
					from_at?: string;
					id?: never;
					made_at?: string;
					made_by?: string;
					reason?: string;
					signal?: string;
					subject?: string;
					subject_kind?: string;
					until_at?: string;
				};
				Relationships: [];
			};
			stripe_balances: {
				Row: {
					balance_minor: number;
					currency: string;
					moved_until: string;
					newest_movement_id: string;
					read_at: string;
				};
				ComputedFields: never;
				Insert: {
					balance_minor: number;
					currency: string;
					moved_until: string;
					newest_movement_id: string;
					read_at: string;
				};
				Update: {
					balance_minor?: number;
					currency?: string;
					moved_until?: string;
					newest_movement_id?: string;
					read_at?: string;
				};
				Relationships: [
					{
						foreignKeyName: "stripe_balances_currency_fkey";
						columns: ["currency"];
						isOneToOne: false;
						referencedRelation: "currencies";
						referencedColumns: ["code"];
					},
				];
			};
			stripe_event_watermark: {
				Row: {
					read_until: string;
					singleton: boolean;
				};
				ComputedFields: never;
				Insert: {
					read_until: string;
					singleton?: boolean;
				};
				Update: {
					read_until?: string;
					singleton?: boolean;
				};
				Relationships: [];
			};
			stripe_listings: {
				Row: {
					created_before: string;
					created_from: string;
					cursor: string | null;
					ended_at: string | null;
					id: number;
					newest_at: string | null;
					started_at: string;
					state: string;
				};
				ComputedFields: never;
				Insert: {
					created_before: string;
					created_from: string;
					cursor?: string | null;
					ended_at?: string | null;
					id?: never;
					newest_at?: string | null;
					started_at: string;
					state?: string;
				};
				Update: {
					created_before?: string;
					created_from?: string;
					cursor?: string | null;
					ended_at?: string | null;
					id?: never;
					newest_at?: string | null;
					started_at?: string;
					state?: string;
				};
				Relationships: [];
			};
			stripe_movements: {
				Row: {
					amount_minor: number;
					available_at: string;
					created_at: string;
					currency: string;
					exchange_rate: string | null;
					fee_minor: number;
					id: string;
					net_minor: number;
					reporting_category: string;
					seen_at: string;
					seq: number;
					source_id: string | null;
				};
				ComputedFields: never;
				Insert: {
					amount_minor: number;
					available_at: string;
					created_at: string;
					currency: string;
					exchange_rate?: string | null;
					fee_minor: number;
					id: string;
					net_minor: number;
					reporting_category: string;
					seen_at: string;
					seq?: never;
					source_id?: string | null;
				};
				Update: {
					amount_minor?: number;
					available_at?: string;
					created_at?: string;
					currency?: string;
					exchange_rate?: string | null;
					fee_minor?: number;
					id?: string;
					net_minor?: number;
					reporting_category?: string;
					seen_at?: string;
					seq?: never;
					source_id?: string | null;
				};
				Relationships: [];
			};
			stripe_turns: {
				Row: {
					due_at: string;
					line: string;
					pause_ms: number;
					paused_until: string | null;
				};
				ComputedFields: never;
				Insert: {
					due_at: string;
					line: string;
					pause_ms?: number;
					paused_until?: string | null;
				};
				Update: {
					due_at?: string;
					line?: string;
					pause_ms?: number;
					paused_until?: string | null;
				};
				Relationships: [];
			};
			supplier_days: {
				Row: {
					after_band: number;
					answered: number;
					callers: number;
					calls: number;
					day: string;
					disputed: number;
					fraudulent: number;
					hangups: number;
					hours: number[];
					in_band: number;
					payable: number;
					qualified: number;
					refused: number;
					repeats: number;
					signed: number;
					since: string;
					stopped: number;
					supplier_id: string;
					vouched_less: number;
					weekdays: number[];
				};
				ComputedFields: never;
				Insert: {
					after_band: number;
					answered: number;
					callers: number;
					calls: number;
					day: string;
					disputed?: number;
					fraudulent: number;
					hangups: number;
					hours: number[];
					in_band: number;
					payable: number;
					qualified: number;
					refused: number;
					repeats: number;
					signed: number;
					since?: string;
					stopped: number;
					supplier_id: string;
					vouched_less: number;
					weekdays: number[];
				};
				Update: {
					after_band?: number;
					answered?: number;
					callers?: number;
					calls?: number;
					day?: string;
					disputed?: number;
					fraudulent?: number;
					hangups?: number;
					hours?: number[];
					in_band?: number;
					payable?: number;
					qualified?: number;
					refused?: number;
					repeats?: number;
					signed?: number;
					since?: string;
					stopped?: number;
					supplier_id?: string;
					vouched_less?: number;
					weekdays?: number[];
				};
				Relationships: [
					{
						foreignKeyName: "supplier_days_supplier_id_fkey";
						columns: ["supplier_id"];
						isOneToOne: false;
						referencedRelation: "suppliers";
						referencedColumns: ["id"];
					},
				];
			};
			supplier_profiles: {
				Row: {
					day: string;
					profile: NonNullable<Json>;
					supplier_id: string;
				};
				ComputedFields: never;
				Insert: {
					day: string;
					profile: NonNullable<Json>;
					supplier_id: string;
				};
				Update: {
					day?: string;
					profile?: NonNullable<Json>;
					supplier_id?: string;
				};
				Relationships: [
					{
						foreignKeyName: "supplier_profiles_supplier_id_fkey";
						columns: ["supplier_id"];
						isOneToOne: false;
						referencedRelation: "suppliers";
						referencedColumns: ["id"];
					},
				];
			};
			supplier_reserves: {
				Row: {
					amount_minor: number;
					currency: string;
					of_payout_id: string;
					payout_id: string | null;
					release_on: string;
					released_at: string | null;
					supplier_id: string;
				};
				ComputedFields: never;
				Insert: {
					amount_minor: number;
					currency: string;
					of_payout_id: string;
					payout_id?: string | null;
					release_on: string;
					released_at?: string | null;
					supplier_id: string;
				};
				Update: {
					amount_minor?: number;
					currency?: string;
					of_payout_id?: string;
					payout_id?: string | null;
					release_on?: string;
					released_at?: string | null;
					supplier_id?: string;
				};
				Relationships: [
					{
						foreignKeyName: "supplier_reserves_currency_fkey";
						columns: ["currency"];
						isOneToOne: false;
						referencedRelation: "currencies";
						referencedColumns: ["code"];
					},
					{
						foreignKeyName: "supplier_reserves_of_payout_id_fkey";
						columns: ["of_payout_id"];
						isOneToOne: true;
						referencedRelation: "payouts";
						referencedColumns: ["id"];
					},
					{
						foreignKeyName: "supplier_reserves_payout_id_fkey";
						columns: ["payout_id"];
						isOneToOne: false;
						referencedRelation: "payouts";
						referencedColumns: ["id"];
					},
					{
						foreignKeyName: "supplier_reserves_supplier_id_fkey";
						columns: ["supplier_id"];
						isOneToOne: false;
						referencedRelation: "suppliers";
						referencedColumns: ["id"];
					},
				];
			};
			supplier_standings: {
				Row: {
					by_person: boolean;
					evidence: NonNullable<Json>;
					id: number;
					reason: string;
					set_by: string;
					since: string;
					standing: string;
					supplier_id: string;
				};
				ComputedFields: never;
				Insert: {
					by_person: boolean;
					evidence?: NonNullable<Json>;
					id?: never;
					reason: string;
					set_by: string;
					since: string;
					standing: string;
					supplier_id: string;
				};
				Update: {
					by_person?: boolean;
					evidence?: NonNullable<Json>;
					id?: never;
					reason?: string;
					set_by?: string;
					since?: string;
					standing?: string;
					supplier_id?: string;
				};
				Relationships: [
					{
						foreignKeyName: "supplier_standings_supplier_id_fkey";
						columns: ["supplier_id"];
						isOneToOne: false;
						referencedRelation: "suppliers";
						referencedColumns: ["id"];
					},
				];
			};
			suppliers: {
				Row: {
					auth_user_id: string | null;
					held_reason: string | null;
					id: string;
					made_at: string;
					name: string;
					payout_minimums: NonNullable<Json>;
					payout_net_days: number;
					payout_schedule: string;
					payout_weekday: number;
					reserve_bps: number;
					reserve_days: number;
					status: string;
					stripe_account_id: string | null;
				};
				ComputedFields: never;
				Insert: {
					auth_user_id?: string | null;
					held_reason?: string | null;
					id?: string;
					made_at?: string;
					name: string;
					payout_minimums?: NonNullable<Json>;
					payout_net_days?: number;
					payout_schedule?: string;
					payout_weekday?: number;
					reserve_bps?: number;
					reserve_days?: number;
					status?: string;
					stripe_account_id?: string | null;
				};
				Update: {
					auth_user_id?: string | null;
					held_reason?: string | null;
					id?: string;
					made_at?: string;
					name?: string;
					payout_minimums?: NonNullable<Json>;
					payout_net_days?: number;
					payout_schedule?: string;
					payout_weekday?: number;
					reserve_bps?: number;
					reserve_days?: number;
					status?: string;
					stripe_account_id?: string | null;
				};
				Relationships: [];
			};
			term_proposals: {
				Row: {
					campaign_id: string;
					changes: NonNullable<Json>;
					ended_at: string | null;
					ended_by: string | null;
					fault: string | null;
					found_at: string;
					id: string;
					offer_id: string;
					provider: string;
					reason: string | null;
					state: string;
					terms_id: string | null;
				};
				ComputedFields: never;
				Insert: {
					campaign_id: string;
					changes: NonNullable<Json>;
					ended_at?: string | null;
					ended_by?: string | null;
					fault?: string | null;
					found_at: string;
					id?: string;
					offer_id: string;
					provider: string;
					reason?: string | null;
					state?: string;
					terms_id?: string | null;
				};
				Update: {
					campaign_id?: string;
					changes?: NonNullable<Json>;
					ended_at?: string | null;
					ended_by?: string | null;
					fault?: string | null;
					found_at?: string;
					id?: string;
					offer_id?: string;
					provider?: string;
					reason?: string | null;
					state?: string;
					terms_id?: string | null;
				};
				Relationships: [
					{
						foreignKeyName: "term_proposals_campaign_id_fkey";
						columns: ["campaign_id"];
						isOneToOne: false;
						referencedRelation: "campaigns";
						referencedColumns: ["id"];
					},
					{
						foreignKeyName: "term_proposals_terms_id_fkey";
						columns: ["terms_id"];
						isOneToOne: false;
						referencedRelation: "campaign_terms";
						referencedColumns: ["id"];
					},
				];
			};
			topups: {
				Row: {
					amount_minor: number;
					asked_by: string | null;
					attempt_token: string | null;
					business_date: string;
					buyer_id: string;
					currency: string;
					ended_at: string | null;
					id: string;
					last_problem: string | null;
					made_at: string;
					payment_intent_id: string | null;
					state: string;
				};
				ComputedFields: never;
				Insert: {
					amount_minor: number;
					asked_by?: string | null;
					attempt_token?: string | null;
					business_date: string;
					buyer_id: string;
					currency: string;
					ended_at?: string | null;
					id?: string;
					last_problem?: string | null;
					made_at: string;
					payment_intent_id?: string | null;
					state?: string;
				};
				Update: {
					amount_minor?: number;
					asked_by?: string | null;
					attempt_token?: string | null;
					business_date?: string;
					buyer_id?: string;
					currency?: string;
					ended_at?: string | null;
					id?: string;
					last_problem?: string | null;
					made_at?: string;
					payment_intent_id?: string | null;
					state?: string;
				};
				Relationships: [
					{
						foreignKeyName: "topups_buyer_id_fkey";
						columns: ["buyer_id"];
						isOneToOne: false;
						referencedRelation: "buyers";
						referencedColumns: ["id"];
					},
					{
						foreignKeyName: "topups_currency_fkey";
						columns: ["currency"];
						isOneToOne: false;
						referencedRelation: "currencies";
						referencedColumns: ["code"];
					},
				];
			};
			tracking_numbers: {
				Row: {
					campaign_id: string;
					number: string;
					supplier_id: string;
				};
				ComputedFields: never;
				Insert: {
					campaign_id: string;
					number: string;
					supplier_id: string;
				};
				Update: {
					campaign_id?: string;
					number?: string;
					supplier_id?: string;
				};
				Relationships: [
					{
						foreignKeyName: "tracking_numbers_campaign_id_fkey";
						columns: ["campaign_id"];
						isOneToOne: false;
						referencedRelation: "campaigns";
						referencedColumns: ["id"];
					},
					{
						foreignKeyName: "tracking_numbers_supplier_id_fkey";
						columns: ["supplier_id"];
						isOneToOne: false;
						referencedRelation: "suppliers";
						referencedColumns: ["id"];
					},
				];
			};
			transfer_reversals: {
				Row: {
					amount_minor: number;
					balance_transaction_id: string;
					business_date: string;
					currency: string;
					first_seen_at: string;
					id: string;
					of_payout_id: string;
					payout_id: string | null;
					supplier_id: string;
				};
				ComputedFields: never;
				Insert: {
					amount_minor: number;
					balance_transaction_id: string;
					business_date: string;
					currency: string;
					first_seen_at: string;
					id: string;
					of_payout_id: string;
					payout_id?: string | null;
					supplier_id: string;
				};
				Update: {
					amount_minor?: number;
					balance_transaction_id?: string;
					business_date?: string;
					currency?: string;
					first_seen_at?: string;
					id?: string;
					of_payout_id?: string;
					payout_id?: string | null;
					supplier_id?: string;
				};
				Relationships: [
					{
						foreignKeyName: "transfer_reversals_currency_fkey";
						columns: ["currency"];
						isOneToOne: false;
						referencedRelation: "currencies";
						referencedColumns: ["code"];
					},
					{
						foreignKeyName: "transfer_reversals_of_payout_id_fkey";
						columns: ["of_payout_id"];
						isOneToOne: false;
						referencedRelation: "payouts";
						referencedColumns: ["id"];
					},
					{
						foreignKeyName: "transfer_reversals_payout_id_fkey";
						columns: ["payout_id"];
						isOneToOne: false;
						referencedRelation: "payouts";
						referencedColumns: ["id"];
					},
					{
						foreignKeyName: "transfer_reversals_supplier_id_fkey";
						columns: ["supplier_id"];
						isOneToOne: false;
						referencedRelation: "suppliers";
						referencedColumns: ["id"];
					},
				];
			};
			unmatched_lines: {
				Row: {
					journal_id: number;
				};
				ComputedFields: never;
				Insert: {
					journal_id: number;
				};
				Update: {
					journal_id?: number;
				};
				Relationships: [];
			};
			unmatched_movements: {
				Row: {
					seq: number;
				};
				ComputedFields: never;
				Insert: {
					seq: number;
				};
				Update: {
					seq?: number;
				};
				Relationships: [];
			};
			unordered_periods: {
				Row: {
					campaign_id: string;
					changes: number;
					period: string;
					unit: string;
				};
				ComputedFields: never;
				Insert: {
					campaign_id: string;
					changes?: number;
					period: string;
					unit: string;
				};
				Update: {
					campaign_id?: string;
					changes?: number;
					period?: string;
					unit?: string;
				};
				Relationships: [
					{
						foreignKeyName: "unordered_periods_campaign_id_fkey";
						columns: ["campaign_id"];
						isOneToOne: false;
						referencedRelation: "campaigns";
						referencedColumns: ["id"];
					},
				];
			};
			webhook_events: {
				Row: {
					body_sealed: string | null;
					event_id: string;
					id: number;
					kind: string;
					received_at: string;
					recovered: boolean;
					result: string;
					source: string;
					trace: string;
				};
				ComputedFields: never;
				Insert: {
					body_sealed?: string | null;
					event_id: string;
					id?: never;
					kind: string;
					received_at: string;
					recovered?: boolean;
					result: string;
					source: string;
					trace: string;
				};
				Update: {
					body_sealed?: string | null;
					event_id?: string;
					id?: never;
					kind?: string;
					received_at?: string;
					recovered?: boolean;
					result?: string;
					source?: string;
					trace?: string;
				};
				Relationships: [];
			};
			withdrawals: {
				Row: {
					amount_minor: number;
					balance_transaction_id: string;
					charge_id: string;
					currency: string;
					ended_at: string | null;
					fee_minor: number;
					first_seen_at: string;
					id: string;
					invoice_id: string | null;
					kind: string;
					paid_currency: string;
					paid_minor: number;
					reinstated_by: string | null;
					returned_fee_minor: number;
					returned_minor: number;
					state: string;
				};
				ComputedFields: never;
				Insert: {
					amount_minor: number;
					balance_transaction_id: string;
					charge_id: string;
					currency: string;
					ended_at?: string | null;
					fee_minor: number;
					first_seen_at: string;
					id: string;
					invoice_id?: string | null;
					kind: string;
					paid_currency: string;
					paid_minor: number;
					reinstated_by?: string | null;
					returned_fee_minor?: number;
					returned_minor?: number;
					state: string;
				};
				Update: {
					amount_minor?: number;
					balance_transaction_id?: string;
					charge_id?: string;
					currency?: string;
					ended_at?: string | null;
					fee_minor?: number;
					first_seen_at?: string;
					id?: string;
					invoice_id?: string | null;
					kind?: string;
					paid_currency?: string;
					paid_minor?: number;
					reinstated_by?: string | null;
					returned_fee_minor?: number;
					returned_minor?: number;
					state?: string;
				};
				Relationships: [
					{
						foreignKeyName: "withdrawals_charge_id_fkey";
						columns: ["charge_id"];
						isOneToOne: false;
						referencedRelation: "charges";
						referencedColumns: ["charge_id"];
					},
					{
						foreignKeyName: "withdrawals_currency_fkey";
						columns: ["currency"];
						isOneToOne: false;
						referencedRelation: "currencies";
						referencedColumns: ["code"];
					},
					{
						foreignKeyName: "withdrawals_invoice_id_fkey";
						columns: ["invoice_id"];
						isOneToOne: false;
						referencedRelation: "invoices";
						referencedColumns: ["id"];
					},
					{
						foreignKeyName: "withdrawals_paid_currency_fkey";
						columns: ["paid_currency"];
						isOneToOne: false;
						referencedRelation: "currencies";
						referencedColumns: ["code"];
					},
				];
			};
			work: {
				Row: {
					attempts: number;
					close_date: string | null;
					close_stage: string | null;
					code: string | null;
					due_at: string;
					ended_at: string | null;
					generation: number;
					handed_at: string | null;
					id: number;
					job: string;
					key: string;
					made_at: string;
					message: string | null;
					payload: NonNullable<Json>;
					replays: number;
					result: string | null;
					state: string;
					trace: string;
				};
				ComputedFields: never;
				Insert: {
					attempts?: number;
					close_date?: string | null;
					close_stage?: string | null;
					code?: string | null;
					due_at: string;
					ended_at?: string | null;
					generation?: number;
					handed_at?: string | null;
					id?: never;
					job: string;
					key: string;
					made_at?: string;
					message?: string | null;
					payload: NonNullable<Json>;
					replays?: number;
					result?: string | null;
					state?: string;
					trace: string;
				};
				Update: {
					attempts?: number;
					close_date?: string | null;
					close_stage?: string | null;
					code?: string | null;
					due_at?: string;
					ended_at?: string | null;
					generation?: number;
					handed_at?: string | null;
					id?: never;
					job?: string;
					key?: string;
					made_at?: string;
					message?: string | null;
					payload?: NonNullable<Json>;
					replays?: number;
					result?: string | null;
					state?: string;
					trace?: string;
				};
				Relationships: [];
			};
		};
		Views: {
			[_ in never]: never;
		};
		Functions: {
			add_rule_set: {
				Args: { p_by: string; p_note: string; p_now_ms: number; p_rules: Json };
				Returns: Json;
			};
			adjust_call: {
				Args: { p_call_id: string; p_now_ms: number; p_seen: Json };
				Returns: Json;
			};
			advance_runs: { Args: { p_now_ms: number }; Returns: Json };
			apply_proposal: {
				Args: {
					p_by: string;
					p_from_ms: number;
					p_id: string;
					p_now_ms: number;
				};
				Returns: Json;
			};
			approve_adjustment: {
				Args: {
					p_by: string;
					p_id: string;
					p_now_ms: number;
					p_reason: string;
				};
				Returns: Json;
			};
			approve_invoice: {
				Args: {
					p_by: string;
					p_invoice_id: string;
					p_now_ms: number;
					p_reason: string;
				};
				Returns: Json;
			};
			approve_payout: {
				Args: {
					p_by: string;
					p_now_ms: number;
					p_payout_id: string;
					p_reason: string;
				};
				Returns: Json;
			};
			approve_resolution: {
				Args: {
					p_by: string;
					p_id: string;
					p_now_ms: number;
					p_reason: string;
				};
				Returns: Json;
			};
			ask_adjustment: {
				Args: {
					p_by: string;
					p_call_id: string;
					p_now_ms: number;
					p_reason: string;
				};
				Returns: Json;
			};
			ask_recharge: {
				Args: {
					p_buyer_id: string;
					p_by: string;
					p_currency: string;
					p_now_ms: number;
					p_reason: string;
				};
				Returns: Json;
			};
			audit_books: {
				Args: { p_area?: string; p_now_ms: number };
				Returns: Json;
			};
			audit_money: { Args: Record<PropertyKey, never>; Returns: Json };
			audit_sent: { Args: { p_calls: Json }; Returns: Json };
			backfill_runs: {
				Args: {
					p_by: string;
					p_dry: boolean;
					p_from: string;
					p_now_ms: number;
					p_pipeline: string;
					p_reason: string;
					p_to: string;
				};
				Returns: Json;
			};
			bank_accounts_to_read: {
				Args: { p_after: string; p_since_ms: number };
				Returns: Json;
			};
			beat: { Args: { p_name: string }; Returns: Json };
			begin_call_log_run: {
				Args: {
					p_date: string;
					p_due_ms: number;
					p_now_ms: number;
					p_source: string;
				};
				Returns: Json;
			};
			bump_work: {
				Args: { p_generation: number; p_job: string; p_key: string };
				Returns: Json;
			};
			call_log_report: { Args: { p_date: string }; Returns: Json };
			calls_to_rescore: {
				Args: { p_date: string; p_limit: number };
				Returns: Json;
			};
			cash_day: { Args: { p_date: string; p_now_ms: number }; Returns: Json };
			claim_invoice: {
				Args: { p_invoice_id: string; p_now_ms: number };
				Returns: Json;
			};
			claim_payout: {
				Args: { p_now_ms: number; p_payout_id: string };
				Returns: Json;
			};
			claim_push: {
				Args: { p_call_id: string; p_now_ms: number };
				Returns: Json;
			};
			claim_topup: {
				Args: { p_now_ms: number; p_topup_id: string };
				Returns: Json;
			};
			clear_charges: {
				Args: { p_date: string; p_due_ms: number; p_now_ms: number };
				Returns: Json;
			};
			close_status: { Args: { p_date: string }; Returns: Json };
			count_open: { Args: { p_now_ms: number }; Returns: Json };
			decide_calls: {
				Args: {
					p_by: string;
					p_call_ids: Json;
					p_decision: string;
					p_now_ms: number;
					p_reason: string;
				};
				Returns: Json;
			};
			decide_disputes: {
				Args: {
					p_approve: boolean;
					p_by: string;
					p_call_ids: Json;
					p_now_ms: number;
					p_reason: string;
				};
				Returns: Json;
			};
			discard_work: {
				Args: {
					p_by: string;
					p_id: number;
					p_now_ms: number;
					p_reason: string;
				};
				Returns: Json;
			};
			dismiss_proposal: {
				Args: {
					p_by: string;
					p_id: string;
					p_now_ms: number;
					p_reason: string;
				};
				Returns: Json;
			};
			dispute_calls: {
				Args: {
					p_by: string;
					p_call_ids: Json;
					p_now_ms: number;
					p_reason: string;
				};
				Returns: Json;
			};
			end_call_log_run: {
				Args: {
					p_date: string;
					p_due_ms: number;
					p_now_ms: number;
					p_source: string;
				};
				Returns: Json;
			};
			end_lookup: {
				Args: {
					p_claim: string;
					p_kept_days: number;
					p_now_ms: number;
					p_number: string;
					p_provider: string;
					p_report: Json;
					p_sent: boolean;
				};
				Returns: Json;
			};
			end_snooze: {
				Args: {
					p_by: string;
					p_id: number;
					p_now_ms: number;
					p_reason: string;
				};
				Returns: Json;
			};
			ensure_event_sinks: {
				Args: { p_now_ms: number; p_sinks: Json };
				Returns: Json;
			};
			ensure_pipelines: { Args: { p_pipelines: Json }; Returns: Json };
			ensure_timezone: { Args: { p_timezone: string }; Returns: Json };
			event_sink_wanted: { Args: { p_name: string }; Returns: Json };
			expire_holds: {
				Args: { p_limit: number; p_now_ms: number };
				Returns: Json;
			};
			fail_work: { Args: { p_dead: Json; p_now_ms: number }; Returns: Json };
			finish_work: { Args: { p_now_ms: number; p_refs: Json }; Returns: Json };
			forget_numbers: { Args: { p_date: string }; Returns: Json };
			give_up_event_sink: {
				Args: { p_address_hash: string; p_name: string; p_now_ms: number };
				Returns: Json;
			};
			group_letters: { Args: { p_filter: Json }; Returns: Json };
			health: { Args: { p_now_ms: number }; Returns: Json };
			hold_supplier: {
				Args: {
					p_by: string;
					p_held: boolean;
					p_now_ms: number;
					p_reason: string;
					p_supplier_id: string;
				};
				Returns: Json;
			};
			ignore_break: {
				Args: {
					p_by: string;
					p_identity: string;
					p_now_ms: number;
					p_reason: string;
				};
				Returns: Json;
			};
			import_bank_file: {
				Args: {
					p_account: string;
					p_by: string;
					p_dry: boolean;
					p_file: Json;
					p_marker: string;
					p_now_ms: number;
				};
				Returns: Json;
			};
			import_parties: {
				Args: { p_by: string; p_now_ms: number; p_parties: Json };
				Returns: Json;
			};
			ingest_calls: {
				Args: { p_events: Json; p_now_ms: number };
				Returns: Json;
			};
			ledger_balances: { Args: { p_owner: string }; Returns: Json };
			ledger_journals: { Args: { p_id: string }; Returns: Json };
			linked_campaigns: {
				Args: { p_due_ms: number; p_limit: number; p_provider: string };
				Returns: Json;
			};
			list_adjustments: { Args: Record<PropertyKey, never>; Returns: Json };
			list_breaks: {
				Args: { p_identity: string; p_now_ms: number };
				Returns: Json;
			};
			list_dead_work: {
				Args: { p_after_id: number; p_limit: number };
				Returns: Json;
			};
			list_deposits: { Args: Record<PropertyKey, never>; Returns: Json };
			list_disputes: { Args: { p_state: string }; Returns: Json };
			list_invoices: {
				Args: { p_buyer_id: string; p_state: string };
				Returns: Json;
			};
			list_letters: {
				Args: { p_after_id: number; p_filter: Json; p_limit: number };
				Returns: Json;
			};
			list_pipelines: { Args: { p_now_ms: number }; Returns: Json };
			list_proposals: { Args: Record<PropertyKey, never>; Returns: Json };
			list_pushes: { Args: Record<PropertyKey, never>; Returns: Json };
			list_rule_sets: { Args: Record<PropertyKey, never>; Returns: Json };
			list_runs: {
				Args: { p_from: string; p_pipeline: string; p_to: string };
				Returns: Json;
			};
			list_snoozes: { Args: { p_now_ms: number }; Returns: Json };
			list_standings: { Args: Record<PropertyKey, never>; Returns: Json };
			list_wallets: { Args: { p_now_ms: number }; Returns: Json };
			match_bank_line: {
				Args: {
					p_by: string;
					p_line_id: number;
					p_now_ms: number;
					p_payout_id: string;
					p_reason: string;
				};
				Returns: Json;
			};
			match_call_log: {
				Args: { p_calls: Json; p_read_ms: number; p_source: string };
				Returns: Json;
			};
			match_movements: { Args: { p_now_ms: number }; Returns: Json };
			move_suppliers: {
				Args: { p_date: string; p_moves: Json; p_now_ms: number };
				Returns: Json;
			};
			note_account: {
				Args: { p_account: string; p_now_ms: number; p_state: string };
				Returns: Json;
			};
			note_claim: {
				Args: { p_movement_id: string; p_payout_id: string };
				Returns: Json;
			};
			note_looked_up: {
				Args: {
					p_absent: Json;
					p_date: string;
					p_due_ms: number;
					p_known: Json;
					p_now_ms: number;
					p_source: string;
				};
				Returns: Json;
			};
			note_payout_send: {
				Args: { p_now_ms: number; p_payout_id: string; p_token: string };
				Returns: Json;
			};
			note_push: {
				Args: {
					p_code: string;
					p_end: string;
					p_id: string;
					p_now_ms: number;
					p_shown: boolean;
					p_token: number;
				};
				Returns: Json;
			};
			note_topup_intent: {
				Args: { p_intent_id: string; p_token: string; p_topup_id: string };
				Returns: Json;
			};
			open_listing: { Args: { p_now_ms: number }; Returns: Json };
			overdue_buyers: { Args: { p_now_ms: number }; Returns: Json };
			pause_pipeline: {
				Args: {
					p_by: string;
					p_now_ms: number;
					p_pipeline: string;
					p_reason: string;
				};
				Returns: Json;
			};
			pause_stripe: { Args: { p_line: string }; Returns: Json };
			plan_payouts: {
				Args: { p_date: string; p_now_ms: number };
				Returns: Json;
			};
			plan_runs: {
				Args: { p_due_ms: number; p_now_ms: number };
				Returns: Json;
			};
			platform_payouts_to_itemise: {
				Args: Record<PropertyKey, never>;
				Returns: Json;
			};
			platform_payouts_watermark: {
				Args: Record<PropertyKey, never>;
				Returns: Json;
			};
			poke_invoice: {
				Args: { p_invoice_id: string; p_now_ms: number; p_trace: string };
				Returns: Json;
			};
			poke_topup: {
				Args: { p_intent_id: string; p_now_ms: number; p_trace: string };
				Returns: Json;
			};
			preview_invoices: { Args: { p_date: string }; Returns: Json };
			preview_payouts: {
				Args: { p_date: string; p_now_ms: number };
				Returns: Json;
			};
			profile_suppliers: { Args: { p_date: string }; Returns: Json };
			put_in_order: {
				Args: {
					p_campaign_id: string;
					p_changes: number;
					p_kind: string;
					p_now_ms: number;
					p_period: string;
					p_steps: Json;
					p_unit: string;
				};
				Returns: Json;
			};
			rate_calls: {
				Args: { p_decisions: Json; p_now_ms: number };
				Returns: Json;
			};
			read_lookups: {
				Args: { p_asks: Json; p_calls: Json; p_now_ms: number };
				Returns: Json;
			};
			read_news: {
				Args: { p_now_ms: number; p_since_ms: number; p_table: string };
				Returns: Json;
			};
			read_order: {
				Args: { p_campaign_id: string; p_period: string; p_unit: string };
				Returns: Json;
			};
			read_rule_sets: { Args: { p_versions: Json }; Returns: Json };
			read_scored_calls: {
				Args: {
					p_after_date: string;
					p_after_id: string;
					p_after_ms: number;
					p_from: string;
					p_limit: number;
					p_to: string;
				};
				Returns: Json;
			};
			read_shadow: { Args: { p_from: string; p_to: string }; Returns: Json };
			reconcile_deposits: { Args: { p_now_ms: number }; Returns: Json };
			reconcile_money: {
				Args: {
					p_date: string;
					p_due_ms: number;
					p_listed_ms: number;
					p_now_ms: number;
				};
				Returns: Json;
			};
			record_bank_payouts: {
				Args: { p_account: string; p_now_ms: number; p_payouts: Json };
				Returns: Json;
			};
			record_credit_note: {
				Args: {
					p_credit_note_id: string;
					p_end: Json;
					p_now_ms: number;
					p_token: string;
				};
				Returns: Json;
			};
			record_invoice_issued: {
				Args: {
					p_invoice_id: string;
					p_now_ms: number;
					p_stripe_invoice_id: string;
					p_tax_minor: number;
					p_token: string;
				};
				Returns: Json;
			};
			record_invoice_state: {
				Args: {
					p_invoice_id: string;
					p_now_ms: number;
					p_state: Json;
					p_token: string;
				};
				Returns: Json;
			};
			record_offer: {
				Args: { p_found: Json; p_now_ms: number };
				Returns: Json;
			};
			record_platform_payouts: {
				Args: { p_now_ms: number; p_payouts: Json };
				Returns: Json;
			};
			record_reversal: {
				Args: { p_date: string; p_fact: Json; p_now_ms: number };
				Returns: Json;
			};
			record_stripe_balances: {
				Args: {
					p_balances: Json;
					p_newest_id: string;
					p_now_ms: number;
					p_until_ms: number;
				};
				Returns: Json;
			};
			record_topup: {
				Args: {
					p_end: Json;
					p_now_ms: number;
					p_token: string;
					p_topup_id: string;
				};
				Returns: Json;
			};
			record_withdrawal: {
				Args: { p_date: string; p_fact: Json; p_now_ms: number };
				Returns: Json;
			};
			recover_stripe_events: {
				Args: { p_events: Json; p_now_ms: number };
				Returns: Json;
			};
			remember_lookups: {
				Args: { p_lookups: Json; p_now_ms: number };
				Returns: Json;
			};
			renew_invoice: {
				Args: { p_invoice_id: string; p_problem: string; p_token: string };
				Returns: Json;
			};
			replay_work: {
				Args: {
					p_by: string;
					p_edit?: Json;
					p_id: number;
					p_now_ms: number;
					p_reason: string;
				};
				Returns: Json;
			};
			report_close: { Args: { p_date: string }; Returns: Json };
			rescore_calls: {
				Args: {
					p_date: string;
					p_decisions: Json;
					p_looked_at: Json;
					p_now_ms: number;
				};
				Returns: Json;
			};
			reserve_lookup: {
				Args: {
					p_kept_days: number;
					p_most_per_day: number;
					p_now_ms: number;
					p_number: string;
					p_provider: string;
				};
				Returns: Json;
			};
			resolve_break: {
				Args: {
					p_by: string;
					p_charge_id: string;
					p_identity: string;
					p_now_ms: number;
					p_payout_id: string;
					p_reason: string;
				};
				Returns: Json;
			};
			resume_pipeline: {
				Args: { p_by: string; p_now_ms: number; p_pipeline: string };
				Returns: Json;
			};
			reversals_to_read: { Args: Record<PropertyKey, never>; Returns: Json };
			review_queue: {
				Args: { p_filter: Json; p_limit: number };
				Returns: Json;
			};
			roll_up_day: { Args: { p_date: string }; Returns: Json };
			roll_up_recent: { Args: { p_now_ms: number }; Returns: Json };
			scoring_context: {
				Args: { p_call_ids: Json; p_late?: boolean };
				Returns: Json;
			};
			set_standing: {
				Args: {
					p_by: string;
					p_now_ms: number;
					p_reason: string;
					p_standing: string;
					p_supplier_id: string;
				};
				Returns: Json;
			};
			settle_payout: {
				Args: {
					p_now_ms: number;
					p_payout_id: string;
					p_result: Json;
					p_token: string;
				};
				Returns: Json;
			};
			settle_payout_items: {
				Args: { p_now_ms: number; p_payout_id: string };
				Returns: Json;
			};
			show_break: {
				Args: { p_identity: string; p_now_ms: number };
				Returns: Json;
			};
			show_call: { Args: { p_call_id: string }; Returns: Json };
			show_invoice: { Args: { p_invoice_id: string }; Returns: Json };
			show_letter: { Args: { p_id: number }; Returns: Json };
			show_payout: { Args: { p_payout_id: string }; Returns: Json };
			snooze_signal: {
				Args: {
					p_by: string;
					p_now_ms: number;
					p_reason: string;
					p_signal: string;
					p_subject: string;
					p_subject_kind: string;
					p_until_ms: number;
				};
				Returns: Json;
			};
			start_close: {
				Args: { p_date: string; p_dry?: boolean; p_now_ms: number };
				Returns: Json;
			};
			statement: {
				Args: { p_month: string; p_party_id: string };
				Returns: Json;
			};
			stop_payouts: {
				Args: {
					p_by: string;
					p_now_ms: number;
					p_reason: string;
					p_stopped: boolean;
				};
				Returns: Json;
			};
			store_call_log_page: {
				Args: {
					p_calls: Json;
					p_cursor: string;
					p_date: string;
					p_due_ms: number;
					p_now_ms: number;
					p_page: number;
					p_source: string;
					p_unreadable: number;
				};
				Returns: Json;
			};
			store_pages: {
				Args: {
					p_after: string;
					p_listing_id: number;
					p_movements: string;
					p_next: string;
					p_now_ms: number;
				};
				Returns: Json;
			};
			store_payout_items: {
				Args: { p_items: Json; p_payout_id: string };
				Returns: Json;
			};
			store_stripe_event: {
				Args: { p_event: Json; p_now_ms: number; p_result: string };
				Returns: Json;
			};
			stripe_events_read_until: {
				Args: Record<PropertyKey, never>;
				Returns: Json;
			};
			stripe_events_were_read: { Args: { p_until_ms: number }; Returns: Json };
			suppliers_to_judge: { Args: { p_date: string }; Returns: Json };
			take_breaks_to_tell: { Args: { p_now_ms: number }; Returns: Json };
			take_due_work: {
				Args: { p_handed_before_ms: number; p_limit: number; p_now_ms: number };
				Returns: Json;
			};
			take_stripe_turn: {
				Args: {
					p_most_ms: number;
					p_operation: string;
					p_operation_per_s: number;
					p_per_s: number;
				};
				Returns: Json;
			};
			trace: { Args: { p_id: string }; Returns: Json };
			transfers_to_identify: { Args: { p_now_ms: number }; Returns: Json };
			unseen_in_call_log: {
				Args: { p_date: string; p_limit: number; p_source: string };
				Returns: Json;
			};
			unsend_push: {
				Args: {
					p_id: string;
					p_sends: number;
					p_sent_at_ms: number;
					p_token: number;
				};
				Returns: Json;
			};
			use_rule_set: {
				Args: {
					p_by: string;
					p_now_ms: number;
					p_reason: string;
					p_state: string;
					p_version: number;
				};
				Returns: Json;
			};
			wake_payouts: {
				Args: { p_now_ms: number; p_trace: string };
				Returns: Json;
			};
			withdrawals_to_read: { Args: Record<PropertyKey, never>; Returns: Json };
			work_states: { Args: { p_ids: Json }; Returns: Json };
		};
		Enums: {
			[_ in never]: never;
		};
		CompositeTypes: {
			[_ in never]: never;
		};
	};
};

type DatabaseWithoutInternals = Omit<Database, "__InternalSupabase">;

type DefaultSchema = DatabaseWithoutInternals[Extract<
	keyof Database,
	"public"
>];

export type Tables<
	DefaultSchemaTableNameOrOptions extends
		| keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
		| { schema: keyof DatabaseWithoutInternals },
	TableName extends DefaultSchemaTableNameOrOptions extends {
		schema: keyof DatabaseWithoutInternals;
	}
		? keyof (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
				DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])
		: never = never,
> = DefaultSchemaTableNameOrOptions extends {
	schema: keyof DatabaseWithoutInternals;
}
	? (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
			DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])[TableName] extends {
			Row: infer R;
		}
		? R
		: never
	: DefaultSchemaTableNameOrOptions extends keyof (DefaultSchema["Tables"] &
				DefaultSchema["Views"])
		? (DefaultSchema["Tables"] &
				DefaultSchema["Views"])[DefaultSchemaTableNameOrOptions] extends {
				Row: infer R;
			}
			? R
			: never
		: never;

export type TablesInsert<
	DefaultSchemaTableNameOrOptions extends
		| keyof DefaultSchema["Tables"]
		| { schema: keyof DatabaseWithoutInternals },
	TableName extends DefaultSchemaTableNameOrOptions extends {
		schema: keyof DatabaseWithoutInternals;
	}
		? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
		: never = never,
> = DefaultSchemaTableNameOrOptions extends {
	schema: keyof DatabaseWithoutInternals;
}
	? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
			Insert: infer I;
		}
		? I
		: never
	: DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
		? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
				Insert: infer I;
			}
			? I
			: never
		: never;

export type TablesUpdate<
	DefaultSchemaTableNameOrOptions extends
		| keyof DefaultSchema["Tables"]
		| { schema: keyof DatabaseWithoutInternals },
	TableName extends DefaultSchemaTableNameOrOptions extends {
		schema: keyof DatabaseWithoutInternals;
	}
		? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
		: never = never,
> = DefaultSchemaTableNameOrOptions extends {
	schema: keyof DatabaseWithoutInternals;
}
	? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
			Update: infer U;
		}
		? U
		: never
	: DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
		? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
				Update: infer U;
			}
			? U
			: never
		: never;

export type Enums<
	DefaultSchemaEnumNameOrOptions extends
		| keyof DefaultSchema["Enums"]
		| { schema: keyof DatabaseWithoutInternals },
	EnumName extends DefaultSchemaEnumNameOrOptions extends {
		schema: keyof DatabaseWithoutInternals;
	}
		? keyof DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"]
		: never = never,
> = DefaultSchemaEnumNameOrOptions extends {
	schema: keyof DatabaseWithoutInternals;
}
	? DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"][EnumName]
	: DefaultSchemaEnumNameOrOptions extends keyof DefaultSchema["Enums"]
		? DefaultSchema["Enums"][DefaultSchemaEnumNameOrOptions]
		: never;

export type CompositeTypes<
	PublicCompositeTypeNameOrOptions extends
		| keyof DefaultSchema["CompositeTypes"]
		| { schema: keyof DatabaseWithoutInternals },
	CompositeTypeName extends PublicCompositeTypeNameOrOptions extends {
		schema: keyof DatabaseWithoutInternals;
	}
		? keyof DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"]
		: never = never,
> = PublicCompositeTypeNameOrOptions extends {
	schema: keyof DatabaseWithoutInternals;
}
	? DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"][CompositeTypeName]
	: PublicCompositeTypeNameOrOptions extends keyof DefaultSchema["CompositeTypes"]
		? DefaultSchema["CompositeTypes"][PublicCompositeTypeNameOrOptions]
		: never;

export const Constants = {
	public: {
		Enums: {},
	},
} as const;
