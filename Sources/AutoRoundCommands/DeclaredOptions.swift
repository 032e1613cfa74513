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

  init() {}

  init(from decoder: any Decoder) throws {
    let arguments = try decoder.container(keyedBy: Key.self)
    for option in Self.options { try read(option, from: arguments) }
  }

  var customMirror: Mirror {
    Mirror(self, children: Self.options.map { ($0.name.property, Self.argument($0)) })
  }

  private static let options = RunOptions.declared.filter { $0.name.hasFlag }

  private static func argument<Declared: DeclaredOption>(_ option: Declared) -> Any {
    let name = NameSpecification.customLong(String(option.name.flag.drop { $0 == "-" }))
    let help = ArgumentHelp("\(option.summary)", discussion: option.help.discussion)
    return Declared.Value.self == Bool.self
      ? Flag(wrappedValue: false, name: name, help: help)
      : Option<Argument<Declared.Value>?>(name: name, help: help)
  }

  private mutating func read<Declared: DeclaredOption>(
    _ option: Declared, from arguments: KeyedDecodingContainer<Key>
  ) throws {
    let key = Key(stringValue: option.name.property)
    if Declared.Value.self == Bool.self {
      let isGiven = try arguments.decode(Flag<Bool>.self, forKey: key).wrappedValue
      values[option] = isGiven ? true as? Declared.Value : nil
    } else {
      let type = Option<Argument<Declared.Value>?>.self
      values[option] = try arguments.decode(type, forKey: key).wrappedValue?.value
    }
  }

  /// The name of an option's property.
  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
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
