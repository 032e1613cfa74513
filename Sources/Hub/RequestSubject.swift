import Diagnostics
import Foundation

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// What a request is about, and what its failures mean.
struct RequestSubject: Sendable {
  let model: ModelName
  /// The path of the file that is asked for; nil for what the hub says of the model.
  var file: String?

  /// What errors are about.
  var name: String { file.map { "\(model.text): \($0)" } ?? model.text }

  /// An answer with the status of an error.
  ///
  /// - Parameter isHub: Whether it came from the hub itself; another host's says nothing of the model.
  func failure(_ head: AnswerHead, _ settings: HubSettings, isHub: Bool) -> TransferFailure {
    func final(_ code: InputError.Code, _ message: String) -> TransferFailure {
      TransferFailure(
        error: InputError(code, source: name, message), isTransient: false)
    }
    let hub = settings.endpoint
    let reason = head.fields["x-error-code"]
    switch head.status {
    case 401 where isHub && reason != "GatedRepo" && settings.token == nil:
      return final(
        .missing,
        "there is neither such a \(model.kind.place) nor such a \(model.kind) at \(hub), or it is not public: then set HF_TOKEN to a token "
          + "of an account that may read it")
    case 401 where isHub && reason != "GatedRepo":
      return final(
        .unreadable, "\(hub) does not accept the token of HF_TOKEN or of the cache's file of it")
    case 401 where isHub, 403 where isHub:
      let remedy =
        settings.token == nil
        ? "set HF_TOKEN to a token of an account that may read it"
        : "the token's account may not read it, or the token not on its behalf"
      return final(
        .unreadable,
        reason == "GatedRepo"
          ? "its owner gives it to those who have accepted conditions, at \(hub)/\((model.kind.addressWords + [model.repository]).joined(separator: "/")); \(remedy)"
          : "\(hub) refuses it (\(head.status)); \(remedy)")
    case 404 where reason == "RevisionNotFound":
      return final(.missing, "there is no revision \(quoted(model.revision)) of it at \(hub)")
    case 404 where isHub && file == nil:
      return final(
        .missing, "there is neither such a \(model.kind.place) nor such a \(model.kind) at \(hub)")
    case 404: return final(.missing, "\(hub) no longer has the file")
    case 429:
      let delay = head.fields["retry-after"].flatMap(HeaderFields.number)
      let wait = delay.map { "; it asks to wait \($0) seconds" } ?? ""
      return TransferFailure(
        error: InputError(
          .unreadable, source: name, "\(hub) has had too many requests from here\(wait)"),
        isTransient: true, delay: delay.map(Double.init))
    default:
      return TransferFailure(
        error: InputError(
          .unreadable, source: name, "\(hub) answers with the status \(head.status)"),
        isTransient: head.status == 408 || (500..<600).contains(head.status), status: head.status)
    }
  }

  /// A connection that has failed.
  func failure(_ error: URLError, host: String, _ settings: HubSettings) -> TransferFailure {
    let reason =
      error.code == .timedOut
      ? "no answer for \(Quantities.decimal(settings.silenceLimit)) seconds"
      : error.localizedDescription
    // A name that nobody has, or a certificate that is wrong, stays so.
    let isFinal = [
      .badURL, .unsupportedURL, .serverCertificateUntrusted, .serverCertificateHasBadDate,
      .serverCertificateHasUnknownRoot, .secureConnectionFailed,
    ].contains(error.code)
    return TransferFailure(
      error: InputError(.unreadable, source: name, "cannot be had from \(host): \(reason)"),
      isTransient: !isFinal)
  }

  func noAddress(_ address: String) -> InputError {
    InputError(.invalidValue, source: name, "\(quoted(address)) is no address")
  }
}
