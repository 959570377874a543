// Made by "npm run generate" from twilio_api_v2010.json of @twilio-alpha/mcp. Do not edit.

export interface paths {
    "/2010-04-01/Accounts/{AccountSid}/Calls.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["ListCall"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/2010-04-01/Accounts/{AccountSid}/Calls/{Sid}.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["FetchCall"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        "api.v2010.account.call": {
            sid?: string | null;
            date_created?: string | null;
            date_updated?: string | null;
            parent_call_sid?: string | null;
            account_sid?: string | null;
            to?: string | null;
            to_formatted?: string | null;
            from?: string | null;
            from_formatted?: string | null;
            phone_number_sid?: string | null;
            status?: components["schemas"]["call_enum_status"];
            start_time?: string | null;
            end_time?: string | null;
            duration?: string | null;
            price?: string | null;
            price_unit?: string | null;
            direction?: string | null;
            answered_by?: string | null;
            api_version?: string | null;
            forwarded_from?: string | null;
            group_sid?: string | null;
            caller_name?: string | null;
            queue_time?: string | null;
            trunk_sid?: string | null;
            uri?: string | null;
            subresource_uris?: Record<string, unknown> | null;
        };
        call_enum_status: "queued" | "ringing" | "in-progress" | "completed" | "busy" | "failed" | "no-answer" | "canceled";
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    ListCall: {
        parameters: {
            query?: {
                To?: string;
                From?: string;
                ParentCallSid?: string;
                Status?: components["schemas"]["call_enum_status"];
                StartTime?: string;
                "StartTime<"?: string;
                "StartTime>"?: string;
                EndTime?: string;
                "EndTime<"?: string;
                "EndTime>"?: string;
                PageSize?: number;
                Page?: number;
                PageToken?: string;
            };
            header?: never;
            path: {
                AccountSid: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    "Access-Control-Allow-Origin"?: string;
                    "Access-Control-Allow-Methods"?: string;
                    "Access-Control-Allow-Headers"?: string;
                    "Access-Control-Allow-Credentials"?: boolean;
                    "Access-Control-Expose-Headers"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        calls?: components["schemas"]["api.v2010.account.call"][];
                        end?: number;
                        first_page_uri?: string;
                        next_page_uri?: string | null;
                        page?: number;
                        page_size?: number;
                        previous_page_uri?: string | null;
                        start?: number;
                        uri?: string;
                    };
                };
            };
        };
    };
    FetchCall: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                AccountSid: string;
                Sid: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    "Access-Control-Allow-Origin"?: string;
                    "Access-Control-Allow-Methods"?: string;
                    "Access-Control-Allow-Headers"?: string;
                    "Access-Control-Allow-Credentials"?: boolean;
                    "Access-Control-Expose-Headers"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["api.v2010.account.call"];
                };
            };
        };
    };
}
