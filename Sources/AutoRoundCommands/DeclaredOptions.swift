import ArgumentParser
import Diagnostics
import JSONText
import Recipes

/// The flags of all options that ``RunOptions`` declares.
///
/// The parser finds flags in a mirror of the type that has them. The mirror of this one is the table of options, so
/// that what is declared there has its flag, its help, its completion and its errors.
struct DeclaredOptions: ParsableArguments, CustomReflectable {
  /// What was given.
  private(set) var values = OptionValues()
  /// Two flags that set one option to different values.
  private var contradiction: (String, String)?

  init() {}

  func validate() throws {
    guard let (first, second) = contradiction else { return }
    throw ValidationError("\(first) and \(second) exclude each other; keep one of them")
  }

  init(from decoder: any Decoder) throws {
    let arguments = try decoder.container(keyedBy: Key.self)
    for option in Self.options { try read(option, from: arguments) }
  }

  var customMirror: Mirror {
    Mirror(self, children: Self.options.flatMap { Self.arguments($0) })
  }

  private static let options = RunOptions.declared.filter { $0.name.hasFlag }

  /// What the parser is to find for an option, each under the key by which it is decoded.
  private static func arguments<Declared: DeclaredOption>(
    _ option: Declared
  ) -> [(label: String?, value: Any)] {
    func name(_ flag: String) -> NameSpecification { .customLong(String(flag.drop { $0 == "-" })) }
    let help = ArgumentHelp("\(option.summary)", discussion: option.help.discussion)
    let own = name(option.name.flag)
    guard Declared.Value.self == Bool.self else {
      return [
        (option.name.property, Option<Argument<Declared.Value>?>(name: own, help: help))
      ]
    }
    var flags: [(label: String?, value: Any)] = [
      (option.name.property, Flag(wrappedValue: false, name: own, help: help))
    ]
    if let opposite = option.name.oppositeFlag {
      let help = ArgumentHelp("\(option.help.oppositeSummary)")
      flags.append(
        (
          Key.opposite(option).stringValue,
          Flag(wrappedValue: false, name: name(opposite), help: help)
        ))
    }
    return flags
  }

  private mutating func read<Declared: DeclaredOption>(
    _ option: Declared, from arguments: KeyedDecodingContainer<Key>
  ) throws {
    let key = Key(stringValue: option.name.property)
    if Declared.Value.self == Bool.self {
      func isGiven(_ key: Key) throws -> Bool {
        try arguments.decode(Flag<Bool>.self, forKey: key).wrappedValue
      }
      var value = try isGiven(key) ? true : nil
      if let opposite = option.name.oppositeFlag, try isGiven(.opposite(option)) {
        if value == true { contradiction = (option.name.flag, opposite) }
        value = false
      }
      values[option] = value as? Declared.Value
    } else {
      let type = Option<Argument<Declared.Value>?>.self
      values[option] = try arguments.decode(type, forKey: key).wrappedValue?.value
    }
  }

  /// The name of an option's property, or that of its second flag.
  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }

    /// That of the flag which sets an option to false.
    static func opposite(_ option: some DeclaredOption) -> Key {
      Key(stringValue: "\(option.name.property)Opposite")
    }
  }
}

/// A number or word of an option, as an argument.
private struct Argument<Value: OptionValue>: ExpressibleByArgument {
  let value: Value

  init?(argument: String) {
    guard let value = Value(scalar: .number(argument)) ?? Value(scalar: .string(argument)) else {
      return nil
    }
    self.value = value
  }

  static var allValueStrings: [String] { Value.words }

  static var defaultCompletionKind: CompletionKind {
    Value.words.isEmpty ? .default : .list(Value.words)
  }
}
