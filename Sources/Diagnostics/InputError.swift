/// What is wrong with something that came from outside: a file, a recipe, a flag, a device.
///
/// One type serves the whole package, because a user reads all of these the same way: where it
/// went wrong, what was found there, and what was expected. Mistakes of the *caller* inside the
/// package are preconditions instead.
///
/// ```
/// model.safetensors: tensor 'lm_head.weight': data ends at byte 96, after the file's end at 64
/// ```
public struct InputError: Error, Sendable, CustomStringConvertible {
  /// The kind of failure, stable for programs and tests to match on.
  public var code: Code
  /// The file, folder or flag that holds the problem, as the user knows it.
  public var source: String?
  /// Where in the source: a line and column, a key path, a tensor's name, a byte offset.
  public var place: String?
  /// What was found, what was expected, and what to do, in one sentence.
  public var message: String

  /// Creates an error.
  public init(_ code: Code, source: String? = nil, place: String? = nil, _ message: String) {
    self.code = code
    self.source = source
    self.place = place
    self.message = message
  }

  /// `source: place: message`, on one line.
  public var description: String {
    [source, place, message].compactMap { $0 }.joined(separator: ": ")
  }

  /// The same error, with the source filled in where it has none yet.
  ///
  /// Parsers of bytes do not know the name of their file; whoever opened it adds the name.
  public func inSource(_ name: String) -> InputError {
    var copy = self
    if copy.source == nil { copy.source = name }
    return copy
  }

  /// The same error at a key path within the value at `path`.
  package func below(_ path: String) -> InputError {
    var copy = self
    copy.place = place.map { "\(path).\($0)" } ?? path
    return copy
  }
}

extension InputError {
  /// The kinds of failure. An open set: new kinds may be added without breaking programs.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    /// The code's name, as JSON and messages have it.
    public let description: String
    private init(_ description: String) { self.description = description }

    /// A file or folder is missing, or cannot be opened or read.
    public static let unreadable = Code("unreadable")
    /// A file or folder cannot be created or written.
    public static let unwritable = Code("unwritable")
    /// Bytes that do not follow their format: truncated, contradictory, out of bounds.
    public static let malformed = Code("malformed")
    /// A well-formed input that asks for something this program does not have.
    public static let unsupported = Code("unsupported")
    /// A value that has no meaning where it stands: a group size of 0, an unknown key.
    public static let invalidValue = Code("invalid value")
    /// Something that the input refers to is not there: a tensor, a shard, a key.
    public static let missing = Code("missing")
    /// A computation that gave no usable number: an infinite loss, a scale of zero.
    public static let notFinite = Code("not finite")
  }
}

/// Runs `body` and names `source` in any ``InputError`` that it throws without one.
public func naming<Result, Failure: Error>(
  _ source: String, _ body: () throws(Failure) -> Result
) throws(Failure) -> Result {
  do {
    return try body()
  } catch {
    throw (error as? InputError)?.inSource(source) as? Failure ?? error
  }
}
