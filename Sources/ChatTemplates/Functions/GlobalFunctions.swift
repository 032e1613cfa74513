import Diagnostics
import Foundation

/// The time that templates see.
public struct TemplateClock: Sendable {
  /// The date; nil for the time of rendering.
  let date: Date?
  let isLocal: Bool

  /// The time of rendering, in this machine's time zone.
  public static let now = TemplateClock(date: nil, isLocal: true)
  /// A time that is always the same, for results that must be: noon of July 26, 2024, in UTC, the day that templates
  /// with a date fall back on.
  public static let fixed = TemplateClock(
    date: Date(timeIntervalSince1970: 1_721_995_200), isLocal: false)

  /// The time in the form of C's `strftime`; nil if the form is not one.
  func text(_ format: String) -> String? {
    // Widths would make long texts, and a conversion that is not known has no meaning.
    var rest = format.unicodeScalars[...]
    while let percent = rest.firstIndex(of: "%") {
      let letter = rest.index(after: percent)
      guard letter != rest.endIndex,
        "aAbBcdDeFHIjmMpSTuUwWxXyYZz%-".unicodeScalars.contains(rest[letter])
      else { return nil }
      rest = rest[rest.index(after: letter)...]
    }
    guard format.utf8.count <= 256, !format.utf8.contains(0) else { return nil }
    guard !format.isEmpty else { return "" }
    var seconds = time_t((date ?? Date()).timeIntervalSince1970)
    var time = tm()
    if isLocal { localtime_r(&seconds, &time) } else { gmtime_r(&seconds, &time) }
    var bytes = [CChar](repeating: 0, count: 1 << 14)
    let count = strftime(&bytes, bytes.count, format, &time)
    return String(decoding: bytes[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}

extension TemplateFunction {
  /// What every template finds.
  static func globals() -> [String: TemplateValue] {
    let functions = [
      TemplateFunction(name: "raise_exception") { renderer, arguments in
        let bound = try BoundArguments(
          arguments, ["message"], of: "raise_exception", renderer)
        throw renderer.failure(
          "the template refuses this: \(visible(try renderer.text(of: bound.required(0))))")
      },
      TemplateFunction(name: "strftime_now") { renderer, arguments in
        let format = try BoundArguments(arguments, ["format"], of: "strftime_now", renderer)
          .requiredString(0)
        guard let text = renderer.clock.text(format) else {
          throw renderer.failure(
            "strftime_now: \(quoted(format)) is no form of a date; expected letters such as %d %b %Y"
          )
        }
        return try renderer.string(text)
      },
      TemplateFunction(name: "range") { renderer, arguments in
        let bound = try BoundArguments(
          arguments, ["start", "stop", "step"], of: "range", renderer)
        let first = try bound.integer(0, otherwise: 0)
        let isWhole = bound.value(1) != nil
        let (start, end) = (
          isWhole ? first : 0, isWhole ? try bound.integer(1, otherwise: 0) : first
        )
        _ = try bound.required(0)
        let step = try bound.integer(2, otherwise: 1)
        guard step != 0 else { throw renderer.failure("range: the step is 0") }
        // How far it is, in a number that cannot overflow.
        let count = max(0, ((Double(end) - Double(start)) / Double(step)).rounded(.up))
        guard count <= 1e5 else {
          throw renderer.failure("range: makes more than 100000 numbers", .unsupported)
        }
        return try renderer.list(stride(from: start, to: end, by: step).map { .integer($0) })
      },
      TemplateFunction(name: "namespace") { renderer, arguments in
        renderer.namespace(try renderer.mapping(arguments, "namespace"))
      },
      TemplateFunction(name: "dict") { renderer, arguments in
        try renderer.bounded(.mapping(renderer.mapping(arguments, "dict")))
      },
    ]
    return Dictionary(uniqueKeysWithValues: functions.map { ($0.name, .function($0)) })
  }
}

extension TemplateRenderer {
  /// A mapping of a mapping, if one is given, and arguments with names.
  fileprivate func mapping(_ arguments: CallArguments, _ function: String) throws -> TemplateMapping
  {
    var result = TemplateMapping()
    guard arguments.positional.count <= 1 else {
      throw failure("\(function): expected arguments with names")
    }
    if let first = arguments.positional.first {
      guard case .mapping(let mapping) = first else {
        throw failure("\(function): found \(first.typeName), expected a mapping")
      }
      try spend(mapping.count * 16)
      result = mapping
    }
    for (name, value) in arguments.named {
      result.set(TemplateKey(name), named: .string(name), value)
    }
    return result
  }
}
