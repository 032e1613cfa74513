public import Diagnostics
public import Foundation

/// Where the text comes from that a model is calibrated on.
public enum CalibrationSource: Sendable, Equatable {
  /// The text that is part of this library: public-domain English books.
  case builtin
  /// Records, one JSON object a line: `text`, `input_ids`, or a conversation as `messages`, `conversations`, `prompt` with
  /// `response`, or `instruction` with `output`.
  case records(URL)
  /// Plain text in UTF-8.
  case text(URL)

  /// The source that a file is, by its extension: `.jsonl` for records, `.txt` for plain text.
  ///
  /// - Throws: `InputError` of code `unsupported` for any other extension, and `unreadable` if there is no such
  ///   file either.
  public init(file: URL) throws(InputError) {
    switch file.pathExtension.lowercased() {
    case "jsonl": self = .records(file)
    case "txt": self = .text(file)
    default:
      // A file that cannot be read is the first thing to say.
      try requireFile(file.path(percentEncoded: false))
      throw InputError(
        .unsupported, source: file.path(percentEncoded: false),
        "calibration data is read from .jsonl (a text or a conversation per line) or .txt files")
    }
  }

  /// The source as messages name it.
  package var name: String {
    switch self {
    case .builtin: "the built-in calibration text"
    case .records(let file), .text(let file): file.path(percentEncoded: false)
    }
  }
}
