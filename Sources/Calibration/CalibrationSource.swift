public import Diagnostics
public import Foundation

/// Where the text comes from that a model is calibrated on.
public enum CalibrationSource: Sendable, Equatable {
  /// The text that is part of this library: public-domain English books.
  case builtin
  /// Records, one JSON object a line, or in one JSON array: `text`, `input_ids`, or a conversation as `messages`,
  /// `conversations`, `prompt` with `response`, or `instruction` with `output`.
  case records(URL)
  /// Plain text in UTF-8.
  case text(URL)
  /// Several sources, each with its share of the samples.
  case mixture([Part])

  /// A part of a mixture.
  public struct Part: Sendable, Equatable {
    /// Where its samples come from.
    public var source: CalibrationSource
    /// Its share: of parts with weights 3 and 1, the first gives three quarters of the samples.
    public var weight: Double

    /// A part with its share.
    public init(_ source: CalibrationSource, weight: Double = 1) {
      self.source = source
      self.weight = weight
    }
  }

  /// The source that a file is, by its extension: `.jsonl` or `.json` for records, `.txt` for plain text.
  ///
  /// - Throws: `InputError` of code `unsupported` for any other extension, and `unreadable` if there is no such
  ///   file either.
  public init(file: URL) throws(InputError) {
    let path = file.path(percentEncoded: false)
    switch file.pathExtension.lowercased() {
    case "jsonl", "json": self = .records(file)
    case "txt": self = .text(file)
    case let kind:
      // A file that cannot be read is the first thing to say.
      try requireFile(path)
      throw InputError(.unsupported, source: path, Self.advice(kind, path))
    }
  }

  /// The source that files are which are given as `FILE` or `FILE:WEIGHT`; several are a mixture.
  ///
  /// - Throws: As ``init(file:)``; `invalidValue` for a weight that is none, or if there is no file.
  public init(files arguments: [String]) throws(InputError) {
    var parts: [Part] = []
    for argument in arguments {
      let (path, weight) = try Self.split(argument)
      parts.append(
        Part(
          try CalibrationSource(file: URL(filePath: path)), weight: Double(weight.dropFirst()) ?? 1)
      )
    }
    guard let first = parts.first else {
      throw InputError(.missing, "no file with calibration data is given")
    }
    self = parts.count == 1 ? first.source : .mixture(parts)
  }

  /// A path, and the text of its weight with the colon before it, if there is a number and no file has the whole as its
  /// name.
  package static func split(_ argument: String) throws(InputError) -> (path: String, weight: String)
  {
    guard let colon = argument.lastIndex(of: ":"),
      let weight = Double(argument[argument.index(after: colon)...]),
      !FileManager.default.fileExists(atPath: argument)
    else { return (argument, "") }
    guard weight.isFinite, weight > 0 else {
      throw InputError(
        .invalidValue, source: argument, "found the weight \(weight), expected a number above 0")
    }
    return (String(argument[..<colon]), String(argument[colon...]))
  }

  private static func advice(_ kind: String, _ path: String) -> String {
    let known =
      "calibration data is read from .jsonl or .json (a text or a conversation per record) or .txt files"
    let reader = ["parquet": "read_parquet", "csv": "read_csv", "arrow": "read_feather"][kind]
    guard let reader else { return known }
    return known
      + "; to convert this one: python3 -c 'import pandas, sys; pandas.\(reader)(sys.argv[1])"
      + ".to_json(sys.argv[2], orient=\"records\", lines=True)' \(shellWord(path)) data.jsonl"
  }

  /// The source as messages name it.
  package var name: String {
    switch self {
    case .builtin: "the built-in calibration text"
    case .records(let file), .text(let file): file.path(percentEncoded: false)
    case .mixture: "the calibration data"
    }
  }

  /// Whether it is running text of one kind, and no records.
  package var isOneText: Bool {
    switch self {
    case .builtin, .text: true
    case .records: false
    case .mixture(let parts): parts.count == 1 && parts[0].source.isOneText
    }
  }
}
