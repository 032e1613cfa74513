public import Diagnostics
public import Foundation

/// Where models are looked for by their names: a hub, and the folder in which its files are kept on this machine.
public struct HubSettings: Sendable {
  /// The hub's address, `https://huggingface.co` unless `HF_ENDPOINT` says otherwise.
  public var endpoint: String
  /// What the hub knows the user by: of `HF_TOKEN`, or of the file that the hub's own client keeps. It is sent to
  /// ``endpoint`` and nowhere else.
  public var token: String?
  /// The cache of the hub's client: `HF_HUB_CACHE`, or the folder `hub` of `HF_HOME`.
  public var cache: URL
  /// Whether only the cache is looked into.
  public var isOffline: Bool
  /// Seconds without an answer, or with next to nothing of it, after which a request has failed.
  package var silenceLimit = 30.0
  /// Seconds before a request that has failed is made again; twice as many each further time.
  package var retryDelay = 1.0
  /// How often a request is made before it has failed for good.
  package var attemptCount = 5
  /// Most seconds that a busy hub may ask to wait.
  package var patience = 120.0
  /// Bytes of a file that are asked for at once. What the network delivers before the disk has taken it is in memory.
  package var pieceByteCount = 128 << 20

  /// What the environment says, in the words of the hub's own client.
  ///
  /// - Throws: `InputError` if a token or an address cannot be one.
  public init(
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(InputError) {
    func value(_ names: String...) -> String? {
      names.lazy.compactMap { environment[$0] }.first { !$0.isEmpty }
    }
    func folder(_ path: String) -> URL {
      URL(filePath: (path as NSString).expandingTildeInPath, directoryHint: .isDirectory)
    }
    let home =
      value("HF_HOME").map(folder)
      ?? folder(value("XDG_CACHE_HOME") ?? "\(value("HOME") ?? NSHomeDirectory())/.cache")
      .appending(path: "huggingface")
    cache =
      value("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE").map(folder) ?? home.appending(path: "hub")
    isOffline = ["1", "ON", "YES", "TRUE"]
      .contains(value("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")?.uppercased())
    endpoint = value("HF_ENDPOINT") ?? "https://huggingface.co"
    while endpoint.hasSuffix("/") { endpoint.removeLast() }
    token = value("HF_TOKEN")
    if token == nil {
      let file = value("HF_TOKEN_PATH").map { folder($0) } ?? home.appending(path: "token")
      token = try Self.readToken(file.path)
    }
    token = token?.trimmingCharacters(in: .whitespacesAndNewlines)
    if token?.isEmpty == true { token = nil }
    try check()
  }

  /// Refuses an address or a token that would make something else of a request.
  func check() throws(InputError) {
    guard let parts = URLComponents(string: endpoint), ["http", "https"].contains(parts.scheme),
      parts.host?.isEmpty == false, parts.user == nil, parts.password == nil, parts.query == nil,
      parts.fragment == nil
    else {
      throw InputError(
        .invalidValue, source: "HF_ENDPOINT",
        "\(quoted(endpoint)) is no address of a hub; expected one such as https://hub.example")
    }
    // The token itself is shown nowhere, not even where it is wrong.
    if let token, token.utf8.contains(where: { $0 <= 32 || $0 >= 127 }) || token.utf8.count > 4096 {
      throw InputError(
        .invalidValue, source: "HF_TOKEN",
        "is no token: it has characters other than ASCII's letters, digits and signs, or too many")
    }
  }

  private static func readToken(_ path: String) throws(InputError) -> String? {
    // Where it cannot be looked at, there is none: most models need none.
    guard access(path, R_OK) == 0 else { return nil }
    return String(decoding: try readFile(path, limit: 1 << 16), as: UTF8.self)
  }
}
