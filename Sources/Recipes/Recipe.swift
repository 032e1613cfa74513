public import Diagnostics
public import Foundation
public import Quantization

/// What to do to a model, as it was written: stages of groups of modifiers.
///
/// ```yaml
/// quantization_stage:
///   quantization_modifiers:
///     AutoRoundModifier:
///       scheme: W4A16
///       ignore: [lm_head]
/// ```
///
/// The names of stages and groups are free; a group's name ends in `modifiers`. Short forms leave
/// out the stage, or the stage and the group:
///
/// ```yaml
/// AutoRoundModifier: {scheme: W4A16, ignore: [lm_head]}
/// ```
///
/// Every key has a meaning at every level: one that is not known is an error.
public struct Recipe: Sendable, Equatable {
  /// The stages in the order in which they are written and run.
  public var stages: [Stage]
  /// What the reader should know: arguments that have no effect here, each with its line.
  public var warnings: [String]

  /// Modifiers that run one after another.
  public struct Stage: Sendable, Equatable {
    /// The name, such as `quantization_stage`.
    public var name: String
    /// The groups of the stage, in order.
    public var groups: [Group]
    /// Creates a stage.
    public init(name: String, groups: [Group]) {
      self.name = name
      self.groups = groups
    }
  }

  /// A named list of modifiers.
  public struct Group: Sendable, Equatable {
    /// The name, such as `quantization_modifiers`.
    public var name: String
    /// The modifiers, in order.
    public var modifiers: [Modifier]
    /// Creates a group.
    public init(name: String, modifiers: [Modifier]) {
      self.name = name
      self.modifiers = modifiers
    }
  }

  /// A modifier with its arguments.
  public enum Modifier: Sendable, Equatable {
    /// `AutoRoundModifier`.
    case autoRound(AutoRoundOptions)
    /// `QuantizationModifier` with nothing but a `kv_cache_scheme`: how keys and values are quantized.
    case keysAndValues(QuantizationArguments)
  }

  /// Creates a recipe from stages.
  public init(stages: [Stage]) {
    self.stages = stages
    self.warnings = []
  }

  /// The recipe of a single AutoRound modifier.
  public init(_ options: AutoRoundOptions) {
    let group = Group(name: Self.defaultGroup, modifiers: [.autoRound(options)])
    self.init(stages: [Stage(name: Self.defaultStage, groups: [group])])
  }

  /// Names that a written recipe has where its author gave none.
  static let defaultStage = "default_stage"
  static let defaultGroup = "default_modifiers"

  /// All modifiers, in the order in which they run.
  public var modifiers: [Modifier] {
    stages.flatMap { $0.groups.flatMap(\.modifiers) }
  }

  /// The arguments of the recipe's only AutoRound modifier, with the quantization of keys and values that
  /// another modifier asks for.
  ///
  /// - Throws: `InputError` if there are several modifiers of a kind, or none of AutoRound.
  public func autoRoundOptions() throws(InputError) -> AutoRoundOptions {
    var found: [AutoRoundOptions] = []
    var caches: [QuantizationArguments] = []
    for modifier in modifiers {
      switch modifier {
      case .autoRound(let options):
        found.append(options)
        if let cache = options.keyValueCacheScheme { caches.append(cache) }
      case .keysAndValues(let cache): caches.append(cache)
      }
    }
    guard var options = found.first, found.count == 1 else {
      throw InputError(
        .unsupported, "the recipe has \(modifiers.count) modifiers; one AutoRoundModifier is run")
    }
    guard caches.count <= 1 else {
      throw InputError(
        .invalidValue, place: "kv_cache_scheme", "is given \(caches.count) times; expected once")
    }
    options.keyValueCacheScheme = caches.first
    return options
  }

  /// The most bytes of a recipe that are read.
  static let byteCountLimit = 1 << 20

  /// Reads a recipe from a file: `.yaml`, `.yml` or `.json`, or the front matter of an `.md` file.
  ///
  /// - Throws: `InputError` that names the file, the line and the column.
  public init(contentsOf file: URL) throws {
    let path = file.path(percentEncoded: false)
    self = try naming(path) {
      let bytes = try readFile(path, limit: Self.byteCountLimit, acceptsPipes: true)
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw InputError(.malformed, "is not text in UTF-8")
      }
      return try Recipe(file.pathExtension.lowercased() == "md" ? Self.frontMatter(of: text) : text)
    }
  }

  /// What stands between the `---` lines at the beginning of a document; lines keep their numbers.
  package static func frontMatter(of text: String) throws -> String {
    let lines = text.split(separator: /\r?\n/, omittingEmptySubsequences: false)
    guard lines.first == "---", let end = lines.dropFirst().firstIndex(of: "---") else {
      throw InputError(
        .malformed, place: "line 1", "expected a recipe between two lines of '---'")
    }
    return lines[..<end].joined(separator: "\n")
  }
}
