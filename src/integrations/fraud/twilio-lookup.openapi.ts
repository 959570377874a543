// Made by "npm run generate" from twilio_lookups_v2.json of @twilio-alpha/mcp. Do not edit.

export interface paths {
    "/v2/PhoneNumbers/{PhoneNumber}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["FetchPhoneNumber"];
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
        LineTypeIntelligence: {
            type?: string;
            carrier_name?: string;
            mobile_country_code?: string;
            mobile_network_code?: string;
            error_code?: number;
        };
        "lookups.v2.phone_number": {
            calling_country_code?: string | null;
            country_code?: string | null;
            phone_number?: string | null;
            national_format?: string | null;
            valid?: boolean | null;
            validation_errors?: components["schemas"]["phone_number_enum_validation_error"][] | null;
            caller_name?: Record<string, unknown> | null;
            sim_swap?: Record<string, unknown> | null;
            call_forwarding?: Record<string, unknown> | null;
            line_status?: Record<string, unknown> | null;
            line_type_intelligence?: Record<string, unknown> | null;
            identity_match?: Record<string, unknown> | null;
            reassigned_number?: Record<string, unknown> | null;
            sms_pumping_risk?: Record<string, unknown> | null;
            phone_number_quality_score?: Record<string, unknown> | null;
            pre_fill?: Record<string, unknown> | null;
            url?: string | null;
        };
        phone_number_enum_validation_error: "TOO_SHORT" | "TOO_LONG" | "INVALID_BUT_POSSIBLE" | "INVALID_COUNTRY_CODE" | "INVALID_LENGTH" | "NOT_A_NUMBER";
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    FetchPhoneNumber: {
        parameters: {
            query?: {
                Fields?: string;
                CountryCode?: string;
                FirstName?: string;
                LastName?: string;
                AddressLine1?: string;
                AddressLine2?: string;
                City?: string;
                State?: string;
                PostalCode?: string;
                AddressCountryCode?: string;
                NationalId?: string;
                DateOfBirth?: string;
                LastVerifiedDate?: string;
                VerificationSid?: string;
                PartnerSubId?: string;
            };
            header?: never;
            path: {
                PhoneNumber: string;
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
                    "application/json": components["schemas"]["lookups.v2.phone_number"];
                };
            };
        };
    };
}
