import Diagnostics
import Foundation
import Synchronization

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// What an answer says before its body comes.
struct AnswerHead: Sendable {
  let status: Int
  /// By names in small letters.
  let fields: [String: String]

  init(_ response: HTTPURLResponse) {
    status = response.statusCode
    var fields: [String: String] = [:]
    for (name, value) in response.allHeaderFields {
      if let name = name as? String, let value = value as? String {
        fields[name.lowercased()] = value
      }
    }
    self.fields = fields
  }
}

/// A request that has failed, and whether it may succeed when it is made again.
struct TransferFailure: Error {
  var error: InputError
  var isTransient: Bool
  /// The status of an answer, where there was one.
  var status: Int?
  /// Seconds that the hub asks to wait.
  var delay: Double?
}

/// One request on its way, with what has come of it.
final class Transfer: Sendable {
  private struct State {
    var head: AnswerHead?
    var failure: (any Error)?
    /// Bytes since it was last asked about silence.
    var recentByteCount = 0
    var continuation: CheckedContinuation<AnswerHead, any Error>?
  }

  private let state = Mutex(State())
  private let onHead: @Sendable (AnswerHead) throws -> Void
  private let onBody: @Sendable (UnsafeRawBufferPointer) throws -> Void

  /// - Parameters:
  ///   - onHead: Told of the answer before its body comes; refuses it by throwing.
  ///   - onBody: Takes the next bytes of the body.
  init(
    onHead: @escaping @Sendable (AnswerHead) throws -> Void,
    onBody: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void
  ) {
    (self.onHead, self.onBody) = (onHead, onBody)
  }

  /// Starts the request and waits for its end.
  ///
  /// - Throws: What was thrown first: by `onHead` or `onBody`, for silence, or by the connection.
  func run(_ task: URLSessionDataTask, silenceLimit: Double) async throws -> AnswerHead {
    let watch = Task { [self] in
      while true {
        try await Task.sleep(for: .seconds(silenceLimit))
        if isSilent() {
          fail(URLError(.timedOut))
          task.cancel()
          return
        }
      }
    }
    defer { watch.cancel() }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let failure = state.withLock { state in
          if state.failure == nil { state.continuation = continuation }
          return state.failure
        }
        // It may have been cancelled before it began.
        if let failure { continuation.resume(throwing: failure) } else { task.resume() }
      }
    } onCancel: {
      fail(CancellationError())
      task.cancel()
    }
  }

  /// Whether next to nothing has come since this was last asked. A thousand bytes are: who sends one at a time could
  /// otherwise go on for ever.
  private func isSilent() -> Bool {
    state.withLock { state in
      defer { state.recentByteCount = 0 }
      return state.recentByteCount < 1000
    }
  }

  private func fail(_ error: any Error) {
    state.withLock { $0.failure = $0.failure ?? error }
  }

  /// Takes the head of the answer.
  ///
  /// - Returns: Whether its body is wanted.
  func take(_ head: AnswerHead) -> Bool {
    let isFirst = state.withLock { state in
      defer { state.head = head }
      return state.head == nil && state.failure == nil
    }
    guard isFirst else { return true }
    return attempt { try onHead(head) }
  }

  /// Takes the next bytes of the body.
  ///
  /// - Returns: Whether more are wanted.
  func take(_ data: Data) -> Bool {
    let isWanted = state.withLock { state in
      state.recentByteCount += data.count
      return state.failure == nil
    }
    guard isWanted else { return false }
    return attempt { try data.withUnsafeBytes { try onBody($0) } }
  }

  private func attempt(_ body: () throws -> Void) -> Bool {
    do {
      try body()
      return true
    } catch {
      fail(error)
      return false
    }
  }

  /// Ends it.
  func end(_ response: HTTPURLResponse?, _ error: (any Error)?) {
    // Heads of redirections are told of only here.
    if error == nil, let response { _ = take(AnswerHead(response)) }
    let (continuation, result) = state.withLock { state in
      let continuation = state.continuation
      state.continuation = nil
      let failure = state.failure ?? error
      let result: Result<AnswerHead, any Error> =
        if let failure {
          .failure(failure)
        } else if let head = state.head {
          .success(head)
        } else {
          .failure(URLError(.badServerResponse))
        }
      return (continuation, result)
    }
    continuation?.resume(with: result)
  }
}

/// Hands what happens to each request to its ``Transfer``.
final class TransferDelegate: NSObject, URLSessionDataDelegate, Sendable {
  private let transfers = Mutex<[Int: Transfer]>([:])

  func add(_ transfer: Transfer, for task: URLSessionTask) {
    transfers.withLock { $0[task.taskIdentifier] = transfer }
  }

  private func transfer(of task: URLSessionTask) -> Transfer? {
    transfers.withLock { $0[task.taskIdentifier] }
  }

  func urlSession(
    _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
    completionHandler: @escaping @Sendable (URLSession.ResponseDisposition) -> Void
  ) {
    if let response = response as? HTTPURLResponse,
      transfer(of: dataTask)?.take(AnswerHead(response)) == false
    {
      completionHandler(.cancel)
      dataTask.cancel()
    } else {
      completionHandler(.allow)
    }
  }

  func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
    if transfer(of: dataTask)?.take(data) == false { dataTask.cancel() }
  }

  /// Redirections are followed elsewhere, with the token or without it.
  func urlSession(
    _ session: URLSession, task: URLSessionTask,
    willPerformHTTPRedirection response: HTTPURLResponse, newRequest request: URLRequest,
    completionHandler: @escaping @Sendable (URLRequest?) -> Void
  ) {
    completionHandler(nil)
  }

  /// A hub that asks for a password is answered with none: that it asks is what is told.
  func urlSession(
    _ session: URLSession, task: URLSessionTask, didReceive challenge: URLAuthenticationChallenge,
    completionHandler:
      @escaping @Sendable (URLSession.AuthChallengeDisposition, URLCredential?) -> Void
  ) {
    let passwords = [NSURLAuthenticationMethodHTTPBasic, NSURLAuthenticationMethodHTTPDigest]
    guard passwords.contains(challenge.protectionSpace.authenticationMethod) else {
      return completionHandler(.performDefaultHandling, nil)
    }
    let transfer = transfers.withLock { $0.removeValue(forKey: task.taskIdentifier) }
    transfer?.end(challenge.failureResponse as? HTTPURLResponse, nil)
    completionHandler(.cancelAuthenticationChallenge, nil)
  }

  func urlSession(
    _ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?
  ) {
    let transfer = transfers.withLock { $0.removeValue(forKey: task.taskIdentifier) }
    transfer?.end(task.response as? HTTPURLResponse, error)
  }
}
