import TestSupport

/// A run of the built program as a process of its own.
typealias Invocation = CommandRun

extension CommandRun {
  init(_ arguments: String...) throws {
    try self.init(arguments)
  }

  init(_ arguments: [String]) throws {
    try self.init(CommandRun.product("autoround"), arguments)
  }

  var output: String { standardOutput }
  var errors: String { standardError }

  /// The last line of standard output.
  var lastLine: String {
    output.split(separator: "\n").last.map(String.init) ?? ""
  }
}
