import Diagnostics
import Foundation
import Synchronization

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// Requests to a hub: with its token where it may go, redirected, repeated, and given up in clear words.
final class HubConnection: Sendable {
  let settings: HubSettings
  private let session: URLSession
  private let delegate = TransferDelegate()
  private static let redirectionLimit = 10

  init(_ settings: HubSettings) {
    self.settings = settings
    let configuration = URLSessionConfiguration.ephemeral
    configuration.urlCache = nil
    configuration.httpCookieAcceptPolicy = .never
    configuration.httpShouldSetCookies = false
    configuration.urlCredentialStorage = nil
    // Silence is noticed by the transfers themselves, however long they take.
    configuration.timeoutIntervalForRequest = 1_000_000
    let queue = OperationQueue()
    queue.maxConcurrentOperationCount = 1
    session = URLSession(configuration: configuration, delegate: delegate, delegateQueue: queue)
  }

  /// Ends all requests. Until then the session keeps what it is made of.
  func close() { session.invalidateAndCancel() }

  /// An address of the hub.
  ///
  /// - Parameter path: Names, each of which is one, whatever signs are in it.
  func address(_ path: [String], query: String = "") -> String {
    let signs = CharacterSet(
      charactersIn: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~")
    let names = path.map { $0.addingPercentEncoding(withAllowedCharacters: signs) ?? "" }
    return settings.endpoint + "/" + names.joined(separator: "/") + query
  }

  // MARK: Whole answers

  /// A document, whole.
  ///
  /// - Parameters:
  ///   - limit: Most bytes that are read.
  ///   - subject: What is asked about, for errors.
  func document(
    _ address: String, limit: Int, about subject: RequestSubject
  ) async throws -> (head: AnswerHead, bytes: [UInt8]) {
    try await retrying {
      let body = Mutex<[UInt8]>([])
      let head = try await get(
        address, ["Accept": "application/json"], about: subject,
        onHead: { head in
          guard let length = head.fields["content-length"].flatMap(HeaderFields.number) else {
            return
          }
          try Self.require(length <= limit, subject, limit)
        },
        onBody: { bytes in
          try body.withLock { body in
            try Self.require(bytes.count <= limit - body.count, subject, limit)
            body.append(contentsOf: bytes)
          }
        })
      return (head, body.withLock { $0 })
    }
  }

  private static func require(
    _ isWithin: Bool, _ subject: RequestSubject, _ limit: Int
  ) throws(InputError) {
    guard !isWithin else { return }
    throw InputError(
      .malformed, source: subject.name,
      "the hub's answer has more than \(limit) bytes, the most that are read")
  }

  // MARK: Trying again

  /// Does something until it succeeds, or has failed too often.
  ///
  /// - Parameter progress: A number that grows where a part has succeeded; failures are then counted anew.
  func retrying<Result>(
    progress: () -> Int = { 0 }, _ body: () async throws -> Result
  ) async throws -> Result {
    var failureCount = 0
    while true {
      let before = progress()
      do {
        return try await body()
      } catch let failure as TransferFailure {
        failureCount = progress() > before ? 1 : failureCount + 1
        let usual = settings.retryDelay * Double(1 << min(failureCount - 1, 5))
        let delay = failure.delay ?? usual
        guard failure.isTransient, failureCount < settings.attemptCount, delay <= settings.patience
        else { throw failure.error }
        try await Task.sleep(for: .seconds(delay))
      }
    }
  }

  // MARK: One request

  /// Asks for what is at an address of the hub, or wherever that leads.
  ///
  /// - Parameters:
  ///   - onHead: Told of the answer if it is none of an error.
  ///   - onBody: Takes its body then.
  /// - Throws: `TransferFailure`, or what `onHead` or `onBody` throw.
  func get(
    _ address: String, _ fields: [String: String], about subject: RequestSubject,
    onHead: @escaping @Sendable (AnswerHead) throws -> Void = { _ in },
    onBody: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void
  ) async throws -> AnswerHead {
    guard var url = URL(string: address) else { throw subject.noAddress(address) }
    for _ in 0...Self.redirectionLimit {
      try Task.checkCancellation()
      var request = URLRequest(url: url)
      for (name, value) in fields { request.setValue(value, forHTTPHeaderField: name) }
      // Bytes as they are, so that their number is the one that was announced.
      request.setValue("identity", forHTTPHeaderField: "Accept-Encoding")
      request.setValue("swift-autoround", forHTTPHeaderField: "User-Agent")
      if let token = settings.token, isHub(url) {
        request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization")
      }
      let transfer = Transfer(
        onHead: { if (200..<300).contains($0.status) { try onHead($0) } },
        onBody: onBody)
      let head = try await send(request, transfer, subject)
      switch head.status {
      case 200..<300: return head
      case 301, 302, 303, 307, 308: url = try redirection(head, from: url, subject)
      default: throw subject.failure(head, settings, isHub: isHub(url))
      }
    }
    throw InputError(
      .malformed, source: subject.name,
      "the hub redirects more than \(Self.redirectionLimit) times")
  }

  private func send(
    _ request: URLRequest, _ transfer: Transfer, _ subject: RequestSubject
  ) async throws -> AnswerHead {
    let task = session.dataTask(with: request)
    delegate.add(transfer, for: task)
    do {
      return try await transfer.run(task, silenceLimit: settings.silenceLimit)
    } catch let error as URLError {
      if Task.isCancelled { throw CancellationError() }
      throw subject.failure(error, host: request.url?.host ?? "", settings)
    }
  }

  private func redirection(
    _ head: AnswerHead, from url: URL, _ subject: RequestSubject
  ) throws -> URL {
    guard let text = head.fields["location"],
      let target = URL(string: text, relativeTo: url)?.absoluteURL,
      let scheme = target.scheme?.lowercased(), target.host?.isEmpty == false,
      scheme == "https" || scheme == "http" && url.scheme?.lowercased() == "http",
      target.user == nil, target.password == nil
    else {
      throw InputError(
        .malformed, source: subject.name,
        "the hub redirects to no address that could be followed")
    }
    return target
  }

  /// Whether an address is one of the hub itself, who gave the token.
  func isHub(_ url: URL) -> Bool {
    guard let hub = URL(string: settings.endpoint) else { return false }
    func port(_ url: URL) -> Int { url.port ?? (url.scheme?.lowercased() == "http" ? 80 : 443) }
    return url.scheme?.lowercased() == hub.scheme?.lowercased()
      && url.host?.lowercased() == hub.host?.lowercased() && port(url) == port(hub)
  }
}
