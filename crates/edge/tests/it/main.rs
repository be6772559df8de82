//! Tests of the appliance through its public interface.

mod http;
