//! What a client needs to know about the site before it shows numbers.

use serde::Serialize;
use solthrive_domain::Service;
use solthrive_domain::{HomeModel, Role};
use utoipa::ToSchema;

use super::kw;
use crate::config::{Site, Tariff};

/// The site: names, zone, and what is installed.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Site)]
pub struct SiteBody {
    /// As its people call it.
    pub name: String,
    /// IANA name: days and months are this zone's.
    pub timezone: String,
    /// The dashboard's language unless the browser asks for another.
    pub language: String,
    /// The grid connection.
    pub service: ServiceBody,
    /// kW the array can produce, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nameplate_kw: Option<f64>,
    /// kW the mains can carry, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub main_rating_kw: Option<f64>,
    /// What is installed: absent values of a part that is not installed are no fault.
    pub has: Installed,
    /// ISO 4217 code, where a tariff is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

/// The grid connection's shape.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = Service)]
#[serde(rename_all = "snake_case")]
pub enum ServiceBody {
    /// 120/240 V, two legs and neutral.
    SplitPhase,
    /// 230 V, one phase.
    SinglePhase,
    /// 230/400 V, three phases.
    ThreePhase,
}

/// Parts that a home may have.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct Installed {
    /// Production is measured.
    pub solar: bool,
    /// A battery is measured.
    pub battery: bool,
    /// A car charger is measured.
    pub ev: bool,
}

impl SiteBody {
    /// The site as configured.
    #[must_use]
    pub fn new(site: &Site, home: &HomeModel, tariff: Option<&Tariff>) -> Self {
        Self {
            name: site.name.clone(),
            timezone: site.tz_name.clone(),
            language: site.language.clone(),
            service: match home.service {
                Service::SplitPhase => ServiceBody::SplitPhase,
                Service::SinglePhase => ServiceBody::SinglePhase,
                Service::ThreePhase => ServiceBody::ThreePhase,
            },
            nameplate_kw: home.solar_nameplate.map(kw),
            main_rating_kw: site.main_rating_kw,
            has: Installed {
                solar: home.has(Role::Pv),
                battery: home.has(Role::Battery),
                ev: home.has(Role::Ev),
            },
            currency: tariff.map(|tariff| tariff.currency.clone()),
        }
    }
}
