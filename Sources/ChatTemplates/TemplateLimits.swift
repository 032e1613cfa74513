/// What a template may take. A large input may take more, in proportion to it.
package struct TemplateLimits: Sendable {
  /// Work in bytes of text that is made, where a step counts as sixteen: a second at most.
  package var work = 1 << 26
  /// Bytes of text that may come out.
  package var outputByteCount = 1 << 24
  /// Statements, expressions and macros that may run within each other.
  package var nesting = 200

  package init() {}
}
