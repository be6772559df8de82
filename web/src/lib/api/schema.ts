// Generated from openapi/edge.json by `npm run gen`. Do not edit.

export interface paths {
    "/api/cloud": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How the appliance stands to its cloud, and what is on its way. */
        get: operations["cloud"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/cloud/registration": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Registers the appliance to the home of an installer's code. Asking again gives the same answer. */
        post: operations["registerInCloud"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/daily_summary": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Energies, ratios, peak and savings of one local day. */
        get: operations["dailySummary"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/days": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Summaries of the local days in `[from, to)`. */
        get: operations["days"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/debug": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Raw registers of the last poll, bus trace, threads, effective configuration and recent errors. */
        get: operations["debug"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/device": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Serial, identity, version, meters and current transformers. */
        get: operations["device"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Flags that came and went in `[from, to)`, newest first, of earlier runs of the service too.
         * @description At most `limit`, and those of the same instant as the last. To read on, ask again with `to` as the
         *     `ts` of the last; an answer with fewer than `limit` is the end.
         */
        get: operations["events"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** State of the meters, the storage and the flags. Always 200: the body says what is wrong. */
        get: operations["health"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Means of the past, oldest first; intervals without data are left out.
         * @description Either the last `hours`, or `[from, to)`. JSON by default; `Accept: text/csv` and
         *     `application/x-ndjson`, or `format`, give the same rows in other clothes.
         */
        get: operations["history"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/latest": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The newest snapshot. */
        get: operations["latest"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/monthly_summary": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A local month and its days. */
        get: operations["monthlySummary"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/powerflow": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The newest power flow alone. */
        get: operations["powerflow"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the request carries the token or a session. Never an error, so that a page can ask. */
        get: operations["session"];
        put?: never;
        /** Starts a session: sets an `HttpOnly`, `SameSite=Strict` cookie that stands for the token. */
        post: operations["openSession"];
        /** Ends the session. */
        delete: operations["closeSession"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/site": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Name, zone and what is installed. */
        get: operations["site"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/system": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Uptime, memory, disk, temperature, poll timing, bus counters and versions. */
        get: operations["system"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Prometheus text. A value that is not known has no line. */
        get: operations["metrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/ws": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The live stream: `hello`, then `snapshot` each second, `heartbeat` every five, `errors` and `gap` when there are any. */
        get: operations["live"];
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
        /** @description A parameter that is wrong. */
        BadParameter: {
            /** @description Its name. */
            parameter: string;
            /** @description What it should be. */
            rule: string;
        };
        /** @description The page's first data, in a script element with the id `boot`. */
        Boot: {
            /** @description The appliance's version. */
            version: string;
            /**
             * Format: int64
             * @description As in the stream's `hello`.
             */
            snapshot_every_ms: number;
            /** @description The site. */
            site: components["schemas"]["Site"];
            /** @description The newest snapshot, if there is one. */
            snapshot?: components["schemas"]["Latest"];
            /** @description Conditions that hold now. */
            errors: components["schemas"]["Flag"][];
            /** @description The local day so far. */
            today: components["schemas"]["DailySummary"];
            /**
             * Format: date-time
             * @description When the page was made.
             */
            ts: string;
        };
        /** @description Lowest or highest values of an interval. */
        Bounds: {
            /**
             * Format: double
             * @description kW produced.
             */
            solar_kw?: number;
            /**
             * Format: double
             * @description kW used by the home.
             */
            home_kw?: number;
            /**
             * Format: double
             * @description kW; positive while importing.
             */
            grid_kw?: number;
            /**
             * Format: double
             * @description kW; positive while discharging.
             */
            battery_kw?: number;
            /**
             * Format: double
             * @description kW into the car.
             */
            ev_kw?: number;
        };
        /** @description One bus. */
        Bus: {
            /** @description Its name. */
            name: string;
            /** @description Port or address. */
            link: string;
            /** @description Whether the link is open. */
            open: boolean;
            /**
             * Format: int64
             * @description Requests sent since the start.
             */
            requests: number;
            /**
             * Format: int64
             * @description Answers taken.
             */
            replies: number;
            /** @description What went wrong, by kind. */
            errors: components["schemas"]["BusErrors"];
            /**
             * Format: int64
             * @description How often the link was opened again.
             */
            reopened: number;
            /**
             * Format: int64
             * @description Answers that came too late and were recognised as such.
             */
            late_replies: number;
            /**
             * Format: int64
             * @description Bytes that answered no request.
             */
            discarded_bytes: number;
            /** @description Whether the schedule fits into its period. */
            budget: components["schemas"]["BusBudget"];
            /** @description Every meter. */
            meters: components["schemas"]["BusMeter"][];
        };
        /** @description Whether a schedule fits into its period. */
        BusBudget: {
            /**
             * Format: double
             * @description Time that a poll of every meter takes on the wire, at its longest.
             */
            needed_ms: number;
            /**
             * Format: double
             * @description Time between two polls as configured.
             */
            period_ms: number;
            /**
             * Format: int32
             * @description A meter's numbers are at most this many polls apart; 1 when everything fits.
             */
            every: number;
        };
        /** @description Errors since the start, by kind. */
        BusErrors: {
            /**
             * Format: int64
             * @description No answer in time.
             */
            timeout: number;
            /**
             * Format: int64
             * @description Damaged answers.
             */
            crc: number;
            /**
             * Format: int64
             * @description Answers that broke off.
             */
            short_frame: number;
            /**
             * Format: int64
             * @description Refusals by a meter.
             */
            exception: number;
            /**
             * Format: int64
             * @description Answers to another request.
             */
            wrong_reply: number;
            /**
             * Format: int64
             * @description The line did not fall silent.
             */
            never_silent: number;
            /**
             * Format: int64
             * @description Port or connection gone or refused.
             */
            port_gone: number;
            /**
             * Format: int64
             * @description Port in use by another program.
             */
            port_busy: number;
        };
        /** @description One meter on a bus, and what reading it costs. */
        BusMeter: {
            /** @description Its name. */
            name: string;
            /**
             * Format: int32
             * @description Failed polls in a row.
             */
            failures: number;
            /**
             * Format: double
             * @description Measured time from request to answer, without the wire's; absent before the first.
             */
            turnaround_ms?: number;
            /** @description Reads of a poll with counters. */
            blocks: number;
            /**
             * Format: double
             * @description Time of a poll with counters on the wire.
             */
            wire_ms: number;
            /**
             * Format: double
             * @description What the same points would take one by one.
             */
            one_by_one_ms: number;
            /** @description Points of its profile that it does not have, by its own word or its silence. */
            missing: string[];
        };
        /** @description One channel: a meter input put to use. */
        Channel: {
            /** @description What it measures. */
            role: components["schemas"]["Role"];
            /**
             * Format: double
             * @description kW in the sign of its role.
             */
            kw?: number;
            /**
             * Format: double
             * @description A, never negative.
             */
            a?: number;
            /**
             * Format: double
             * @description Power factor as the meter gives it.
             */
            pf?: number;
        };
        /** @description The wall clock. */
        Clock: {
            /** @description The operating system says that it is synchronised; absent when it does not say. */
            synced?: boolean;
            /** @description It can be right: rows are stored with it. */
            plausible: boolean;
            /**
             * Format: date-time
             * @description When it last jumped.
             */
            last_step?: string;
        };
        /** @description How the appliance stands to its cloud. */
        CloudBody: {
            /** @description In a word. */
            state: components["schemas"]["StateBody"];
            /** @description For a person, where something is to be said. */
            message?: string;
            /** @description Where the cloud is. */
            url?: string;
            /**
             * Format: uuid
             * @description Who the appliance is there.
             */
            device_id?: string;
            /** @description What is on its way; absent without a cloud. */
            delivery?: components["schemas"]["DeliveryBody"];
        };
        /** @description The code that an installer was given for this home. */
        CodeBody: {
            /** @description As it was given; case and spaces do not matter. */
            installer_code: string;
        };
        /** @description One local day. It is 23 or 25 hours long at a clock change. */
        DailySummary: components["schemas"]["Figures"] & {
            /**
             * Format: date
             * @description The site's local date.
             */
            date: string;
        };
        /** @description The history's file. */
        Database: {
            /**
             * Format: int64
             * @description Its size with its log.
             */
            size_bytes: number;
        };
        /** @description The last 24 hours as means of five minutes, oldest first; `null` where nothing was measured. */
        DaySeries: {
            /**
             * Format: date-time
             * @description Start of the first interval.
             */
            from: string;
            /**
             * Format: int32
             * @description Length of an interval in seconds.
             */
            step_s: number;
            /** @description kW produced. */
            solar_kw: (number | null)[];
            /** @description kW used by the home. */
            home_kw: (number | null)[];
            /** @description kW; positive while importing. */
            grid_kw: (number | null)[];
            /** @description kW; positive while discharging. Absent without a battery. */
            battery_kw?: (number | null)[];
        };
        /** @description Some local days. */
        Days: {
            /** @description Oldest first; days without any data are left out. */
            items: components["schemas"]["DailySummary"][];
        };
        /** @description The inside of the appliance. Its shape follows the code and may change. */
        Debug: {
            /** @description As `/api/system`. */
            system: components["schemas"]["System"];
            /** @description Each bus: counters, plan, budget, registers of the last poll, and the last exchanges on the wire. */
            buses: Record<string, never>[];
            /** @description Threads of the service. */
            tasks: components["schemas"]["Task"][];
            /** @description The effective configuration with the origin of every value; secrets are masked. */
            config: Record<string, never>;
            /** @description Flags that came and went, newest first, of earlier runs too; at most 256. */
            recent_errors: components["schemas"]["FlagEvent"][];
        };
        /** @description What is on its way to the cloud. */
        DeliveryBody: {
            /**
             * Format: date-time
             * @description Since when it stands so.
             */
            since: string;
            /**
             * Format: date-time
             * @description When the cloud last took something; null when never in this run.
             */
            last_contact: string | null;
            /**
             * Format: int64
             * @description Samples that the cloud does not have yet.
             */
            waiting_rows: number;
            /**
             * Format: int64
             * @description Samples that it would not take after several tries.
             */
            given_up_rows: number;
            /**
             * Format: int64
             * @description Samples that had to make room before it had them.
             */
            lost_rows: number;
            /**
             * Format: int64
             * @description Samples that wait since they are ahead of its clock.
             */
            ahead_rows: number;
            /** @description Whether days or events wait. */
            reports_waiting: boolean;
            /**
             * Format: int32
             * @description Failed attempts in a row.
             */
            failures: number;
            /**
             * Format: int64
             * @description Seconds until the next attempt.
             */
            next_try_s: number;
            /**
             * Format: double
             * @description Seconds by which this clock is ahead of the cloud's; negative when it is behind.
             */
            clock_ahead_s?: number;
        };
        /** @description The appliance, its meters and current transformers. */
        Device: {
            /** @description Serial number of the machine, where it has one. */
            serial?: string;
            /**
             * Format: uuid
             * @description Identity of the appliance; absent before it has one.
             */
            device_id?: string;
            /** @description Version of the software. */
            firmware: string;
            /** @description Kind of machine. */
            model?: string;
            /**
             * Format: int64
             * @description Seconds since the service started.
             */
            uptime_s: number;
            /**
             * Format: date-time
             * @description When an update was last looked for; null when never.
             */
            last_update_check: string | null;
            /** @description Every meter. */
            meters: components["schemas"]["DeviceMeter"][];
            /** @description Every channel: a meter's input with its current transformer. */
            channels: components["schemas"]["DeviceChannel"][];
        };
        /** @description A meter's input put to use. */
        DeviceChannel: {
            /** @description Its name. */
            name: string;
            /** @description What it measures. */
            role: components["schemas"]["Role"];
            /** @description The meter. */
            meter: string;
            /** @description The meter's input. */
            input: string;
            /** @description The input whose voltage its current is multiplied with. */
            volt_ref: string;
            /**
             * Format: double
             * @description 2 for one transformer on a two-leg circuit, else 1.
             */
            multiplier: number;
            /**
             * Format: double
             * @description Correction of the transformer's ratio.
             */
            scale: number;
            /** @description The transformer looks the other way. */
            invert: boolean;
            /**
             * Format: double
             * @description A, where known.
             */
            ct_rating_a?: number;
        };
        /** @description A meter and how it is reached. */
        DeviceMeter: components["schemas"]["MeterHealth"] & {
            /**
             * Format: int32
             * @description Modbus unit.
             */
            unit: number;
        };
        /** @description A file system. */
        Disk: {
            /**
             * Format: int64
             * @description Size in bytes.
             */
            total: number;
            /**
             * Format: int64
             * @description Free for the service, in bytes.
             */
            free: number;
        };
        /** @description The set of flags, whole. */
        ErrorsMessage: {
            /**
             * @description `errors`. (enum property replaced by openapi-typescript)
             * @enum {string}
             */
            type: "errors";
            /**
             * Format: int64
             * @description One more than the message before.
             */
            seq: number;
            /**
             * Format: date-time
             * @description When it was sent.
             */
            ts: string;
            /** @description Conditions that hold now; empty when all is well again. */
            errors: components["schemas"]["Flag"][];
        };
        /** @description Flags that came and went. */
        Events: {
            /** @description Newest first. */
            items: components["schemas"]["FlagEvent"][];
            /**
             * @description False when the history cannot be read now: then only what happened since the service started
             *     is here.
             */
            complete: boolean;
        };
        /** @description What an interval came to. An energy that is not known, or not installed, is absent. */
        Figures: {
            /**
             * Format: double
             * @description kWh produced.
             */
            solar_kwh?: number;
            /**
             * Format: double
             * @description kWh used by the home.
             */
            home_kwh?: number;
            /**
             * Format: double
             * @description kWh drawn from the grid.
             */
            import_kwh?: number;
            /**
             * Format: double
             * @description kWh fed into the grid.
             */
            export_kwh?: number;
            /**
             * Format: double
             * @description kWh into the battery.
             */
            battery_charge_kwh?: number;
            /**
             * Format: double
             * @description kWh out of the battery.
             */
            battery_discharge_kwh?: number;
            /**
             * Format: double
             * @description kWh into the car; a part of `home_kwh`.
             */
            ev_kwh?: number;
            /**
             * Format: double
             * @description (solar - export) / solar; null without production.
             */
            self_consumption: number | null;
            /**
             * Format: double
             * @description (solar - export) / home; null without consumption.
             */
            solar_offset: number | null;
            /**
             * Format: double
             * @description 1 - import / home; null without consumption.
             */
            self_sufficiency: number | null;
            /**
             * Format: double
             * @description kW, the highest mean of a quarter of an hour drawn from the grid.
             */
            peak_demand_kw?: number;
            /**
             * Format: double
             * @description How much of the interval so far was measured, 0 to 1. The time before the appliance was
             *     installed, and while it or its meter did not work, counts as not measured.
             */
            coverage: number;
            /** @description What the system saved, where a tariff is set and the energies are known. */
            savings?: components["schemas"]["Savings"];
        };
        /** @description A condition that holds now. */
        Flag: {
            /** @description What. */
            code: components["schemas"]["FlagCode"];
            /** @description Which meter, channel or part; empty for the appliance as a whole. */
            subject: string;
            /** @description How bad. */
            severity: components["schemas"]["Severity"];
            /**
             * Format: date-time
             * @description Since when.
             */
            since: string;
            /** @description For a person: what is seen, and what to do next. */
            message: string;
        };
        /**
         * @description What is wrong. Codes are only ever added.
         * @enum {string}
         */
        FlagCode: "meter_not_responding" | "rs485_errors" | "scaling_failure" | "ct_unplugged" | "ct_reversed" | "ct_wrong_leg" | "meter_stuck" | "counter_reset" | "counter_glitch" | "voltage_missing" | "voltage_out_of_range" | "pv_flatline" | "data_stale" | "poll_drift" | "api_stall" | "low_storage" | "storage_error" | "service_crash" | "power_supply_weak" | "clock_unsynced" | "clock_stepped" | "config_invalid" | "cloud_unreachable" | "update_failed";
        /** @description One line of the error log. */
        FlagEvent: {
            /**
             * Format: date-time
             * @description When.
             */
            ts: string;
            /** @description Whether it came or went. */
            state: components["schemas"]["FlagState"];
            /** @description What. */
            code: components["schemas"]["FlagCode"];
            /** @description Which meter, channel or part; empty for the appliance as a whole. */
            subject: string;
            /** @description How bad. */
            severity: components["schemas"]["Severity"];
            /** @description For a person. */
            message: string;
        };
        /**
         * @description Whether a flag came or went.
         * @enum {string}
         */
        FlagState: "raised" | "cleared";
        /**
         * @description How rows are written.
         * @enum {string}
         */
        Format: "json" | "csv" | "ndjson";
        /** @description Snapshots are missing from this stream. */
        GapMessage: {
            /**
             * @description `gap`. (enum property replaced by openapi-typescript)
             * @enum {string}
             */
            type: "gap";
            /**
             * Format: int64
             * @description One more than the message before.
             */
            seq: number;
            /**
             * Format: date-time
             * @description When it was sent.
             */
            ts: string;
            /**
             * Format: date-time
             * @description The last snapshot before.
             */
            from: string;
            /**
             * Format: date-time
             * @description The first snapshot after.
             */
            to: string;
            /** @description Why. */
            reason: components["schemas"]["GapReason"];
        };
        /**
         * @description Why snapshots are missing.
         * @enum {string}
         */
        GapReason: "slow_client" | "meter_not_responding" | "clock_stepped" | "restart";
        /** @description The appliance's state in one answer. */
        Health: {
            /** @description All meters together. */
            modbus_status: components["schemas"]["ModbusStatus"];
            /**
             * @description Always `ok` when this answer arrives.
             * @enum {string}
             */
            api_status: "ok";
            /** @description Free space where the history is kept, for people: `12GB_free`; absent when it cannot be read. */
            storage?: string;
            /**
             * Format: int64
             * @description The same in bytes.
             */
            storage_free_bytes?: number;
            /**
             * Format: double
             * @description Seconds since the newest snapshot; null before the first.
             */
            last_snapshot_age_sec: number | null;
            /** @description Conditions that hold now. */
            errors: components["schemas"]["Flag"][];
            /** @description Each meter. */
            meters: components["schemas"]["MeterHealth"][];
        };
        /** @description A sign of life. */
        HeartbeatMessage: {
            /**
             * @description `heartbeat`. (enum property replaced by openapi-typescript)
             * @enum {string}
             */
            type: "heartbeat";
            /**
             * Format: int64
             * @description One more than the message before.
             */
            seq: number;
            /**
             * Format: date-time
             * @description When it was sent.
             */
            ts: string;
            /** @description The appliance's version. */
            version: string;
            /**
             * Format: int64
             * @description Seconds since the appliance started.
             */
            uptime_s: number;
            /**
             * Format: double
             * @description Seconds since the newest snapshot; null before the first.
             */
            last_snapshot_age_sec: number | null;
            /**
             * Format: int64
             * @description As in `hello`; it is measured, and may be another than then.
             */
            snapshot_every_ms: number;
        };
        /** @description Everything a page needs to show the home before the next second. */
        HelloMessage: {
            /**
             * @description `hello`. (enum property replaced by openapi-typescript)
             * @enum {string}
             */
            type: "hello";
            /**
             * Format: int64
             * @description 0.
             */
            seq: number;
            /**
             * Format: date-time
             * @description When it was sent.
             */
            ts: string;
            /** @description The appliance's version; a page made for another should offer a reload. */
            version: string;
            /**
             * Format: int32
             * @description Version of these messages.
             */
            api: number;
            /**
             * Format: int64
             * @description Time between two snapshots while all is well, as the buses allow it. A snapshot much older
             *     than this is old.
             */
            snapshot_every_ms: number;
            /** @description The site. */
            site: components["schemas"]["Site"];
            /** @description The newest snapshot, if there is one. */
            snapshot?: components["schemas"]["Latest"];
            /** @description Conditions that hold now. */
            errors: components["schemas"]["Flag"][];
            /** @description The local day so far. */
            today: components["schemas"]["DailySummary"];
            /** @description The last 24 hours. */
            day: components["schemas"]["DaySeries"];
        };
        /**
         * @description One interval `[timestamp, timestamp + step)`, or one sample at resolution `raw`.
         *
         *     Powers, voltages and currents are means; `energy_*` are the totals at the interval's end.
         */
        HistoryRow: {
            /**
             * Format: date-time
             * @description The interval's start, or the sample's instant.
             */
            timestamp: string;
            /**
             * Format: int32
             * @description How many samples it is made from.
             */
            samples: number;
            /**
             * Format: double
             * @description How much of the interval was measured, 0 to 1.
             */
            coverage: number;
            /** @description `"ok"`, or what made some of it doubtful. */
            quality: components["schemas"]["Quality"];
            /**
             * Format: double
             * @description V.
             */
            voltage_l1?: number;
            /**
             * Format: double
             * @description V.
             */
            voltage_l2?: number;
            /**
             * Format: double
             * @description V.
             */
            voltage_l3?: number;
            /**
             * Format: double
             * @description A, mains leg or phase 1.
             */
            current_l1?: number;
            /**
             * Format: double
             * @description A, mains leg or phase 2.
             */
            current_l2?: number;
            /**
             * Format: double
             * @description A, mains phase 3.
             */
            current_l3?: number;
            /**
             * Format: double
             * @description A, PV backfeed.
             */
            current_pv?: number;
            /**
             * Format: double
             * @description W at the mains; positive while importing.
             */
            power_total?: number;
            /**
             * Format: double
             * @description kWh drawn from the grid since the ledger began.
             */
            energy_import?: number;
            /**
             * Format: double
             * @description kWh fed into the grid since the ledger began.
             */
            energy_export?: number;
            /**
             * Format: double
             * @description Hz.
             */
            frequency?: number;
            /**
             * Format: double
             * @description Power factor of the mains.
             */
            pf?: number;
            /**
             * Format: double
             * @description kW produced.
             */
            solar_kw?: number;
            /**
             * Format: double
             * @description kW used by the home.
             */
            home_kw?: number;
            /**
             * Format: double
             * @description kW; positive while importing.
             */
            grid_kw?: number;
            /**
             * Format: double
             * @description kW; positive while discharging.
             */
            battery_kw?: number;
            /**
             * Format: double
             * @description kW into the car.
             */
            ev_kw?: number;
            /** @description Lowest one-second values; absent at resolution `raw`. */
            min?: components["schemas"]["Bounds"];
            /** @description Highest one-second values; absent at resolution `raw`. */
            max?: components["schemas"]["Bounds"];
            /**
             * Format: double
             * @description kWh produced within the interval.
             */
            solar_kwh?: number;
            /**
             * Format: double
             * @description kWh used within the interval.
             */
            home_kwh?: number;
            /**
             * Format: double
             * @description kWh drawn within the interval.
             */
            import_kwh?: number;
            /**
             * Format: double
             * @description kWh fed in within the interval.
             */
            export_kwh?: number;
        };
        /** @description Parts that a home may have. */
        Installed: {
            /** @description Production is measured. */
            solar: boolean;
            /** @description A battery is measured. */
            battery: boolean;
            /** @description A car charger is measured. */
            ev: boolean;
        };
        /** @description The home at one instant. A value that is not known, or not installed, is absent. */
        Latest: {
            /**
             * Format: date-time
             * @description Wall time of the sample.
             */
            timestamp: string;
            /**
             * Format: int64
             * @description Grows by one with each snapshot of a run of the appliance.
             */
            seq: number;
            /** @description `"ok"`, or what makes the numbers doubtful. */
            quality: components["schemas"]["Quality"];
            /**
             * Format: double
             * @description V, leg or phase 1 to neutral.
             */
            voltage_l1?: number;
            /**
             * Format: double
             * @description V, leg or phase 2 to neutral.
             */
            voltage_l2?: number;
            /**
             * Format: double
             * @description V, phase 3 to neutral.
             */
            voltage_l3?: number;
            /**
             * Format: double
             * @description A, mains leg or phase 1.
             */
            current_l1?: number;
            /**
             * Format: double
             * @description A, mains leg or phase 2.
             */
            current_l2?: number;
            /**
             * Format: double
             * @description A, mains phase 3.
             */
            current_l3?: number;
            /**
             * Format: double
             * @description A, PV backfeed.
             */
            current_pv?: number;
            /**
             * Format: double
             * @description W at the mains; positive while importing.
             */
            power_total?: number;
            /**
             * Format: double
             * @description kWh drawn from the grid since the ledger began.
             */
            energy_import?: number;
            /**
             * Format: double
             * @description kWh fed into the grid since the ledger began.
             */
            energy_export?: number;
            /**
             * Format: double
             * @description Hz.
             */
            frequency?: number;
            /**
             * Format: double
             * @description Power factor of the mains, -1 to 1.
             */
            pf?: number;
            /**
             * Format: double
             * @description kW produced.
             */
            solar_kw?: number;
            /**
             * Format: double
             * @description kW used by the home.
             */
            home_kw?: number;
            /**
             * Format: double
             * @description kW; positive while importing, negative while exporting.
             */
            grid_kw?: number;
            /**
             * Format: double
             * @description kW; positive while discharging, negative while charging.
             */
            battery_kw?: number;
            /**
             * Format: double
             * @description kW into the car; a part of `home_kw`.
             */
            ev_kw?: number;
            /**
             * Format: double
             * @description kWh produced since the ledger began.
             */
            solar_kwh_total?: number;
            /**
             * Format: double
             * @description kWh drawn from the grid since the ledger began.
             */
            import_kwh_total?: number;
            /**
             * Format: double
             * @description kWh fed into the grid since the ledger began.
             */
            export_kwh_total?: number;
            /**
             * Format: double
             * @description kWh into the battery since the ledger began.
             */
            battery_charge_kwh_total?: number;
            /**
             * Format: double
             * @description kWh out of the battery since the ledger began.
             */
            battery_discharge_kwh_total?: number;
            /** @description Every channel by its name. */
            channels: {
                [key: string]: components["schemas"]["Channel"];
            };
        };
        /** @description Any message that the server sends on `/ws`. It expects none. */
        LiveMessage: components["schemas"]["HelloMessage"] | components["schemas"]["SnapshotMessage"] | components["schemas"]["HeartbeatMessage"] | components["schemas"]["ErrorsMessage"] | components["schemas"]["GapMessage"];
        /** @description Load averages of the machine. */
        Load: {
            /**
             * Format: double
             * @description Over one minute.
             */
            one: number;
            /**
             * Format: double
             * @description Over five minutes.
             */
            five: number;
            /**
             * Format: double
             * @description Over fifteen minutes.
             */
            fifteen: number;
        };
        /** @description Memory of the machine. */
        Memory: {
            /**
             * Format: int64
             * @description Bytes that there are.
             */
            total: number;
            /**
             * Format: int64
             * @description Bytes that programs could still have.
             */
            available: number;
        };
        /** @description One meter. */
        MeterHealth: {
            /** @description Its name in the configuration. */
            name: string;
            /** @description The bus it hangs on. */
            bus: string;
            /** @description Its profile's id. */
            profile: string;
            /** @description Whether it answers. */
            status: components["schemas"]["MeterStatus"];
            /**
             * Format: double
             * @description Seconds since its last good reading; absent before the first.
             */
            last_read_age_sec?: number;
            /**
             * Format: int32
             * @description Failed polls in a row.
             */
            failures: number;
        };
        /**
         * @description Whether a meter answers.
         * @enum {string}
         */
        MeterStatus: "ok" | "not_responding" | "starting";
        /**
         * @description All meters together.
         * @enum {string}
         */
        ModbusStatus: "ok" | "degraded" | "not_responding" | "starting";
        /** @description One local month. */
        MonthlySummary: components["schemas"]["Figures"] & {
            /** @description `YYYY-MM`. */
            month: string;
            /** @description Its days, oldest first; days without any data are left out. */
            days: components["schemas"]["DailySummary"][];
        };
        /** @description How well the polls keep to their grid: the bus that does worst. */
        Poll: {
            /**
             * Format: int64
             * @description Time between two polls.
             */
            interval_ms: number;
            /**
             * Format: double
             * @description Median deviation from the grid.
             */
            p50_drift_ms?: number;
            /**
             * Format: double
             * @description 99th percentile of the deviation.
             */
            p99_drift_ms?: number;
            /**
             * Format: double
             * @description Largest deviation since the start.
             */
            max_drift_ms?: number;
            /**
             * Format: int64
             * @description Instants of the grid without a poll since the start.
             */
            misses: number;
        };
        /** @description The flow alone, as V1's `/api/powerflow` gave it. */
        Powerflow: {
            /**
             * Format: date-time
             * @description Wall time of the sample.
             */
            timestamp: string;
            /**
             * Format: int64
             * @description Grows by one with each snapshot of a run of the appliance.
             */
            seq: number;
            /** @description `"ok"`, or what makes the numbers doubtful. */
            quality: components["schemas"]["Quality"];
            /**
             * Format: double
             * @description kW produced.
             */
            solar_kw?: number;
            /**
             * Format: double
             * @description kW used by the home: solar + grid + battery.
             */
            home_kw?: number;
            /**
             * Format: double
             * @description kW; positive while importing, negative while exporting.
             */
            grid_kw?: number;
            /**
             * Format: double
             * @description kW; positive while discharging, negative while charging.
             */
            battery_kw?: number;
            /**
             * Format: double
             * @description kW into the car; a part of `home_kw`.
             */
            ev_kw?: number;
        };
        /** @description Problem details (RFC 9457). */
        Problem: {
            /** @description What kind of problem: stable, for programs. */
            type: string;
            /** @description The same in words. */
            title: string;
            /**
             * Format: int32
             * @description The HTTP status.
             */
            status: number;
            /** @description This problem in particular. */
            detail?: string;
            /** @description The parameters that are wrong. */
            errors?: components["schemas"]["BadParameter"][];
        };
        /** @description `"ok"`, or what makes the numbers doubtful. */
        Quality: "ok" | components["schemas"]["FlagCode"][];
        /** @description Where the appliance belongs now. */
        RegisteredBody: {
            /**
             * Format: uuid
             * @description The home.
             */
            site_id: string;
            /** @description Its IANA time zone there. */
            time_zone: string;
            /** @description Whether that is the zone that days are cut by here. */
            same_time_zone: boolean;
        };
        /**
         * @description Length of an interval.
         * @enum {string}
         */
        Resolution: "raw" | "1m" | "5m" | "15m" | "1h" | "auto";
        /**
         * @description What a channel measures in the home.
         * @enum {string}
         */
        Role: "main_l1" | "main_l2" | "main_l3" | "main" | "pv" | "home" | "sub_panel" | "battery" | "ev";
        /** @description Money saved against buying everything from the grid, in `currency`. */
        Savings: {
            /**
             * Format: double
             * @description `without_solar - paid`.
             */
            amount: number;
            /** @description ISO 4217 code. */
            currency: string;
            /** @description What it was computed from. */
            inputs: components["schemas"]["SavingsInputs"];
        };
        /** @description `without_solar = home_kwh * import_rate + fixed`, `paid = import_kwh * import_rate - export_kwh * export_rate + fixed`. */
        SavingsInputs: {
            /**
             * Format: double
             * @description What everything that was used would have cost.
             */
            without_solar: number;
            /**
             * Format: double
             * @description What it costs; below zero it earns.
             */
            paid: number;
            /**
             * Format: double
             * @description kWh used.
             */
            home_kwh: number;
            /**
             * Format: double
             * @description kWh bought.
             */
            import_kwh: number;
            /**
             * Format: double
             * @description kWh sold.
             */
            export_kwh: number;
            /**
             * Format: double
             * @description Price of a kWh bought.
             */
            import_rate: number;
            /**
             * Format: double
             * @description Paid for a kWh sold.
             */
            export_rate: number;
            /**
             * Format: double
             * @description Charged whatever is used.
             */
            fixed: number;
        };
        /**
         * @description The grid connection's shape.
         * @enum {string}
         */
        Service: "split_phase" | "single_phase" | "three_phase";
        /** @description Whether this client may read what needs the token. */
        SessionBody: {
            /** @description It may. */
            signed_in: boolean;
        };
        /** @description What a browser sends to be remembered. */
        SessionRequest: {
            /** @description Content of the appliance's token file. */
            token: string;
        };
        /**
         * @description How much a flag matters.
         * @enum {string}
         */
        Severity: "info" | "warning" | "high" | "critical";
        /** @description The site: names, zone, and what is installed. */
        Site: {
            /** @description As its people call it. */
            name: string;
            /** @description IANA name: days and months are this zone's. */
            timezone: string;
            /** @description The dashboard's language unless the browser asks for another. */
            language: string;
            /** @description The grid connection. */
            service: components["schemas"]["Service"];
            /**
             * Format: double
             * @description kW the array can produce, where known.
             */
            nameplate_kw?: number;
            /**
             * Format: double
             * @description kW the mains can carry, where known.
             */
            main_rating_kw?: number;
            /** @description What is installed: absent values of a part that is not installed are no fault. */
            has: components["schemas"]["Installed"];
            /** @description ISO 4217 code, where a tariff is set. */
            currency?: string;
        };
        /** @description One snapshot. */
        SnapshotMessage: {
            /**
             * @description `snapshot`. (enum property replaced by openapi-typescript)
             * @enum {string}
             */
            type: "snapshot";
            /**
             * Format: int64
             * @description One more than the message before.
             */
            seq: number;
            /**
             * Format: date-time
             * @description The snapshot's time.
             */
            ts: string;
            /** @description The snapshot. */
            snapshot: components["schemas"]["Latest"];
            /** @description The local day so far. */
            today: components["schemas"]["DailySummary"];
        };
        /**
         * @description In a word.
         * @enum {string}
         */
        StateBody: "off" | "no_identity" | "broken" | "starting" | "connected" | "unreachable" | "not_registered" | "unknown_token" | "deactivated";
        /** @description The machine and the service. What cannot be read on this machine is absent. */
        System: {
            /** @description Version of the appliance's software. */
            version: string;
            /**
             * Format: uuid
             * @description This start of the service.
             */
            run: string;
            /**
             * Format: int64
             * @description Seconds since the service started.
             */
            uptime_s: number;
            /**
             * Format: int64
             * @description Seconds since the machine started.
             */
            machine_uptime_s?: number;
            /**
             * Format: int64
             * @description Starts of the machine that the store has seen.
             */
            boot_count?: number;
            /**
             * Format: int64
             * @description Starts of the service since the machine started, less one.
             */
            service_restarts?: number;
            /**
             * Format: double
             * @description Percent of one core that the service used since it started.
             */
            cpu_percent?: number;
            /**
             * Format: int64
             * @description Resident memory of the service.
             */
            memory_rss_bytes?: number;
            /**
             * Format: double
             * @description Percent of the machine's processors in use, by whomever, over the last one or two minutes; over a
             *     longer time when nobody asked meanwhile, and absent in the first answer.
             */
            machine_cpu_percent?: number;
            /** @description Memory of the machine. */
            memory?: components["schemas"]["Memory"];
            /** @description Load of the machine. */
            load?: components["schemas"]["Load"];
            /** @description The file system with the history. */
            disk?: components["schemas"]["Disk"];
            /**
             * Format: double
             * @description Degrees Celsius of the processor.
             */
            temperature_c?: number;
            /** @description How well the polls keep to their grid. */
            poll: components["schemas"]["Poll"];
            /** @description Counters of each bus. */
            bus: components["schemas"]["Bus"][];
            /** @description The history's file. */
            database?: components["schemas"]["Database"];
            /** @description The wall clock. */
            clock: components["schemas"]["Clock"];
            /**
             * Format: int32
             * @description Clients of the live stream.
             */
            ws_clients: number;
            /** @description What the appliance is made of. */
            versions: components["schemas"]["Versions"];
        };
        /** @description One thread of this process. */
        Task: {
            /** @description Its name, at most 15 characters. */
            name: string;
            /** @description `R` runs, `S` sleeps, `D` waits for a disk. */
            state: string;
            /**
             * Format: int64
             * @description Times it gave the processor up by itself.
             */
            voluntary_switches?: number;
            /**
             * Format: int64
             * @description Times the processor was taken from it.
             */
            involuntary_switches?: number;
        };
        /** @description Versions of the parts. */
        Versions: {
            /** @description The program. */
            program: string;
            /**
             * Format: int32
             * @description Schema of the history that this program writes.
             */
            database_schema: number;
            /** @description Meter profiles that come with the program: how many, and a fingerprint of all of them. */
            profile_catalogue: string;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    cloud: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description As asked. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CloudBody"];
                };
            };
            /** @description The request is refused; `type` says why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now; `type` says why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    registerInCloud: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CodeBody"];
            };
        };
        responses: {
            /** @description As asked. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RegisteredBody"];
                };
            };
            /** @description The request is refused; `type` says why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now; `type` says why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    dailySummary: {
        parameters: {
            query?: {
                /** @description Local date; today if absent. */
                date?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description As asked. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DailySummary"];
                };
            };
            /** @description The request is refused; `type` says why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now; `type` says why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    days: {
        parameters: {
            query: {
                /** @description First local date. */
                from: string;
                /** @description Local date after the last; tomorrow if absent. */
                to?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description As asked. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Days"];
                };
            };
            /** @description The request is refused; `type` says why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now; `type` says why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    debug: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description As asked. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Debug"];
                };
            };
            /** @description The request is refused; `type` says why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now; `type` says why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    device: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description As asked. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Device"];
                };
            };
            /** @description The request is refused; `type` says why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now; `type` says why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    events: {
        parameters: {
            query?: {
                /** @description Start, included; as far back as events are kept if absent. */
                from?: string;
                /** @description End, left out; the newest if absent. */
                to?: string;
                /** @description How many; 256 if absent. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description As asked. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Events"];
                };
            };
            /** @description The request is refused; `type` says why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now; `type` says why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    health: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description As asked. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            /** @description The request is refused; `type` says why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now; `type` says why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    history: {
        parameters: {
            query?: {
                /** @description The last so many hours. Not together with `from` and `to`. */
                hours?: number;
                /** @description Start, included. */
                from?: string;
                /** @description End, left out; now if absent. */
                to?: string;
                /** @description Length of an interval. `auto`, the default with `from`, stays below 1,500 rows; `1m` is the default with `hours`. */
                resolution?: components["schemas"]["Resolution"];
                /** @description Overrides `Accept`. */
                format?: components["schemas"]["Format"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description As asked. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HistoryRow"][];
                    "text/csv": string;
                    "application/x-ndjson": components["schemas"]["HistoryRow"];
                };
            };
            /** @description The request is refused; `type` says why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now; `type` says why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    latest: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description As asked. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Latest"];
                };
            };
            /** @description The request is refused; `type` says why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now; `type` says why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    monthlySummary: {
        parameters: {
            query?: {
                /** @description Such as `2026-06`; the current one if absent. */
                month?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description As asked. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MonthlySummary"];
                };
            };
            /** @description The request is refused; `type` says why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now; `type` says why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    powerflow: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description As asked. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Powerflow"];
                };
            };
            /** @description The request is refused; `type` says why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now; `type` says why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    session: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description As asked. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionBody"];
                };
            };
            /** @description The request is refused; `type` says why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now; `type` says why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    openSession: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SessionRequest"];
            };
        };
        responses: {
            /** @description The cookie is set. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request is refused; `type` says why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now; `type` says why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    closeSession: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The session is over. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request is refused; `type` says why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now; `type` says why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    site: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description As asked. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Site"];
                };
            };
            /** @description The request is refused; `type` says why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now; `type` says why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    system: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description As asked. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["System"];
                };
            };
            /** @description The request is refused; `type` says why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now; `type` says why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    metrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description As asked. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
            /** @description The request is refused; `type` says why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now; `type` says why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    live: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The stream begins; each message is one of these. */
            101: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LiveMessage"];
                };
            };
            /** @description The request is refused; `type` says why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now; `type` says why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
