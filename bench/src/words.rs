//! The words that names, agents and reasons of generated events are made of. Data only.

/// Given names.
pub const GIVEN: [&str; 60] = [
    "Ada", "Amara", "Anders", "Anika", "Arjun", "Astrid", "Aylin", "Bao", "Beatriz", "Bram", "Camila", "Chidi",
    "Dalia", "Daniel", "Dilini", "Elif", "Emeka", "Esther", "Farah", "Felix", "Fumiko", "Gita", "Grace", "Hana",
    "Henrik", "Ines", "Isuru", "Ivan", "Jelena", "Jonas", "Kasun", "Katja", "Kofi", "Lakshmi", "Leila", "Liam",
    "Linnea", "Lucia", "Magnus", "Malik", "Maren", "Mateo", "Mei", "Nadia", "Nimal", "Noor", "Olga", "Omar", "Paula",
    "Priya", "Rafael", "Ravi", "Rosa", "Sanjeewa", "Sofia", "Tariq", "Thandi", "Tomas", "Yuki", "Zara",
];

/// Family names.
pub const FAMILY: [&str; 64] = [
    "Adeyemi",
    "Almeida",
    "Andersen",
    "Arslan",
    "Baker",
    "Bandara",
    "Becker",
    "Bianchi",
    "Carvalho",
    "Castillo",
    "Chen",
    "Costa",
    "Dahl",
    "Das",
    "Demir",
    "Diaz",
    "Dubois",
    "Eriksen",
    "Farouk",
    "Fernando",
    "Ferrari",
    "Fischer",
    "Garcia",
    "Gunawardena",
    "Haddad",
    "Hansen",
    "Hashimoto",
    "Hassan",
    "Hoffmann",
    "Ibrahim",
    "Ito",
    "Iyer",
    "Jansen",
    "Jayasuriya",
    "Johnson",
    "Kaya",
    "Keller",
    "Khan",
    "Kim",
    "Kowalski",
    "Kumar",
    "Larsen",
    "Lindqvist",
    "Lopez",
    "Mensah",
    "Moreau",
    "Mwangi",
    "Nakamura",
    "Nguyen",
    "Novak",
    "Nowak",
    "Okafor",
    "Osei",
    "Pereira",
    "Perera",
    "Petrov",
    "Rao",
    "Ricci",
    "Rossi",
    "Silva",
    "Svensson",
    "Tanaka",
    "Weber",
    "Wickramasinghe",
];

/// First words of resource names.
pub const ADJECTIVES: [&str; 42] = [
    "amber", "ancient", "aqua", "autumn", "bold", "brave", "bright", "calm", "cobalt", "copper", "coral", "crimson",
    "dawn", "deep", "dusty", "eager", "emerald", "fading", "frosty", "gentle", "golden", "hidden", "icy", "indigo",
    "ivory", "jade", "keen", "lively", "lunar", "mellow", "misty", "noble", "olive", "polar", "quiet", "rapid",
    "rustic", "silver", "solar", "swift", "velvet", "wild",
];

/// Second words of resource names.
pub const NOUNS: [&str; 50] = [
    "badger", "basin", "beacon", "bison", "bridge", "brook", "canyon", "cedar", "cloud", "comet", "condor", "coyote",
    "crane", "delta", "dune", "eagle", "ember", "falcon", "fern", "finch", "fjord", "forest", "fox", "glacier",
    "grove", "harbor", "hawk", "heron", "island", "lagoon", "lark", "lynx", "maple", "marsh", "meadow", "otter",
    "peak", "pine", "prairie", "quartz", "raven", "reef", "ridge", "river", "sparrow", "summit", "thicket", "tundra",
    "willow", "wolf",
];

/// Third words of resource names.
pub const KINDS: [&str; 12] =
    ["api", "worker", "web", "proxy", "ledger", "cron", "mail", "ingest", "reports", "billing", "search", "auth"];

/// Regions in which a project runs.
pub const REGIONS: [&str; 6] = ["eu-north-1", "eu-west-1", "us-east-1", "us-west-2", "ap-south-1", "ap-southeast-2"];

/// Environments, in the order of promotion.
pub const ENVIRONMENTS: [&str; 3] = ["development", "staging", "production"];

/// Programs that send requests.
pub const USER_AGENTS: [&str; 20] = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:141.0) Gecko/20100101 Firefox/141.0",
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:141.0) Gecko/20100101 Firefox/141.0",
    "platform-cli/2.14.0 (linux; amd64)",
    "platform-cli/2.14.1 (darwin; arm64)",
    "platform-cli/2.13.6 (windows; amd64)",
    "platform-cli/2.12.9 (linux; arm64)",
    "Terraform/1.9.5 platform-provider/0.31.2",
    "Terraform/1.8.2 platform-provider/0.30.0",
    "Go-http-client/2.0",
    "python-requests/2.32.3",
    "okhttp/4.12.0",
    "curl/8.9.1",
    "GitHub-Actions-runner/2.328.0",
    "platform-operator/1.22.0 (kubernetes; linux/amd64)",
    "platform-sdk-java/4.1.0",
    "axios/1.7.7",
];

/// Why something failed.
pub const FAILURES: [&str; 10] = [
    "the image could not be pulled from the registry",
    "readiness probe did not succeed within 300 s",
    "quota of memory in the environment is exceeded",
    "a newer revision was deployed meanwhile",
    "the referenced secret does not exist",
    "the build exited with status 1",
    "upstream did not answer in time",
    "the name is already in use",
    "validation of the configuration failed: port out of range",
    "conflict with a change made at the same time",
];

/// Why something was denied.
pub const DENIALS: [&str; 5] = [
    "the role does not include this permission",
    "production changes need an approval",
    "the address is outside the allowed network",
    "the token has expired",
    "the second factor is missing",
];
